package io.spdkio.sys;

import java.io.IOException;
import java.io.InputStream;
import java.io.UncheckedIOException;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.TreeMap;

/**
 * How the sizes, offsets and constants of the bindings compare with those that the C compiler saw when the library was
 * linked.
 *
 * @param entries how many were compared
 * @param structs for each struct that differs, by its C name without the keyword, the first difference
 * @param constants for each constant that differs, the difference
 * @param absent what the linked SPDK does not know: structs, fields (with their struct's name and a dot) and constants
 */
public record AbiReport(int entries, Map<String, String> structs, Map<String, String> constants, List<String> absent) {
    /** Whoever uses these through the library, rather than the bindings, could crash. */
    private static final Set<String> ESSENTIAL = Set.of("spdk_env_opts", "spdk_bdev_opts", "spdk_rpc_opts");

    private static final int ENTRY_BYTES = 24;

    /**
     * Copies what it is given.
     *
     * @param entries how many were compared
     * @param structs the structs that differ
     * @param constants the constants that differ
     * @param absent what is not there
     */
    public AbiReport {
        structs = Map.copyOf(structs);
        constants = Map.copyOf(constants);
        absent = List.copyOf(absent);
    }

    /**
     * Whether everything is as in the bindings.
     *
     * @return true if so
     */
    public boolean isExact() {
        return structs.isEmpty() && constants.isEmpty() && absent.isEmpty();
    }

    /**
     * One line for people.
     *
     * @return for instance {@code 3734 entries, all equal}
     */
    public String summary() {
        if (isExact()) {
            return entries + " sizes, offsets and constants, all equal";
        }
        return entries
                + " sizes, offsets and constants: "
                + structs.size()
                + " structs and "
                + constants.size()
                + " constants differ, "
                + absent.size()
                + " entries are not in this SPDK";
    }

    void checkEssential(String version) {
        for (String struct : ESSENTIAL) {
            String difference = structs.get(struct);
            if (difference != null) {
                throw differs(struct, difference, version);
            }
        }
    }

    static NativeException differs(String struct, String difference, String version) {
        return new NativeException(
                "struct "
                        + struct
                        + " of the linked SPDK ("
                        + version
                        + ") is not that of these bindings: "
                        + difference
                        + "; link again with the SPDK that is used (spdk-io native link), or use a version of spdk-io"
                        + " made for it");
    }

    static List<String> expected() {
        try (InputStream in = AbiReport.class.getResourceAsStream("/io/spdkio/sys/bridge/abi.txt")) {
            return new String(in.readAllBytes(), StandardCharsets.US_ASCII).lines().toList();
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        }
    }

    /** Compares with {@code spdkio_abi_table}. */
    static AbiReport compare(List<String> expected, MemorySegment table) {
        Map<String, String> structs = new TreeMap<>();
        Map<String, String> constants = new LinkedHashMap<>();
        List<String> absent = new ArrayList<>();
        String struct = "";
        boolean structAbsent = false;
        for (int i = 0; i < expected.size(); i++) {
            String[] words = expected.get(i).split(" ");
            boolean present = table.get(ValueLayout.JAVA_LONG, (long) i * ENTRY_BYTES) != 0;
            long first = table.get(ValueLayout.JAVA_LONG, (long) i * ENTRY_BYTES + 8);
            long second = table.get(ValueLayout.JAVA_LONG, (long) i * ENTRY_BYTES + 16);
            switch (words[0]) {
                case "s" -> {
                    struct = words[2];
                    structAbsent = !present;
                    if (!present) {
                        absent.add(struct);
                        structs.put(struct, "this SPDK has none");
                    } else {
                        differ(structs, struct, "sizeof", words[3], first);
                        differ(structs, struct, "alignment", words[4], second);
                    }
                }
                case "c" -> {
                    if (!present) {
                        absent.add(words[1]);
                    } else if (first != Long.parseLong(words[2])) {
                        constants.put(words[1], "it is " + first + ", and " + words[2] + " in the bindings");
                    }
                }
                default -> {
                    if (structAbsent) {
                        continue;
                    }
                    if (!present) {
                        absent.add(struct + "." + words[1]);
                        structs.putIfAbsent(struct, "it has no field " + words[1]);
                        continue;
                    }
                    String bit = words[0].equals("b") ? "first bit of " : "offset of ";
                    differ(structs, struct, bit + words[1], words[2], first);
                    if (words.length > 3) {
                        String size = words[0].equals("b") ? "bits of " : "size of ";
                        differ(structs, struct, size + words[1], words[3], second);
                    }
                }
            }
        }
        return new AbiReport(expected.size(), structs, constants, absent);
    }

    private static void differ(Map<String, String> structs, String struct, String what, String expected, long found) {
        if (Long.parseLong(expected) != found) {
            structs.putIfAbsent(struct, what + " is " + found + ", and " + expected + " in the bindings");
        }
    }
}
