package io.spdkio;

import java.util.BitSet;
import java.util.List;
import java.util.stream.Collectors;

/**
 * A set of processor cores, in the notations that SPDK and DPDK take for a core mask ({@code spdk_env_opts.core_mask}).
 */
public final class CpuSet {
    /** The highest core number that can be named, plus one. */
    public static final int MAX_CORES = 1024;

    private final BitSet cores;

    private CpuSet(BitSet cores) {
        this.cores = cores;
    }

    /**
     * A set of the given cores.
     *
     * @param cores core numbers, 0 to {@link #MAX_CORES} - 1; at least one
     * @return the set
     */
    public static CpuSet of(int... cores) {
        BitSet set = new BitSet();
        for (int core : cores) {
            add(set, core, core, List.of());
        }
        return nonEmpty(set, "no core was named");
    }

    /**
     * Reads a hexadecimal mask ({@code 0x3}) or a list ({@code [0,2-4]}).
     *
     * @param text the mask or list
     * @return the set
     * @throws IllegalArgumentException if it is neither, names no core, or one beyond {@link #MAX_CORES}
     */
    public static CpuSet parse(String text) {
        String trimmed = text.strip();
        BitSet set = new BitSet();
        try {
            if (trimmed.startsWith("[") && trimmed.endsWith("]")) {
                for (String part : trimmed.substring(1, trimmed.length() - 1).split(",", -1)) {
                    String[] ends = part.strip().split("-", 2);
                    int first = Integer.parseInt(ends[0].strip());
                    int last = ends.length == 1 ? first : Integer.parseInt(ends[1].strip());
                    add(set, first, last, text);
                }
            } else {
                String digits = trimmed.startsWith("0x") || trimmed.startsWith("0X") ? trimmed.substring(2) : trimmed;
                for (int i = 0; i < digits.length(); i++) {
                    int nibble = Character.digit(digits.charAt(digits.length() - 1 - i), 16);
                    if (nibble < 0) {
                        throw new NumberFormatException();
                    }
                    for (int bit = 0; bit < 4; bit++) {
                        if (((nibble >> bit) & 1) != 0) {
                            add(set, i * 4 + bit, i * 4 + bit, text);
                        }
                    }
                }
            }
        } catch (NumberFormatException e) {
            throw new IllegalArgumentException(
                    "not a core mask: '" + text + "'. Write a hexadecimal mask such as 0x3 or a list such as [0,2-4]",
                    e);
        }
        return nonEmpty(set, "core mask '" + text + "' names no core");
    }

    private static void add(BitSet set, int first, int last, Object text) {
        if (first < 0 || last < first || last >= MAX_CORES) {
            throw new IllegalArgumentException(
                    "core "
                            + (first < 0 ? first : last)
                            + " in "
                            + text
                            + " is not in order or not between 0 and "
                            + (MAX_CORES - 1));
        }
        set.set(first, last + 1);
    }

    private static CpuSet nonEmpty(BitSet set, String otherwise) {
        if (set.isEmpty()) {
            throw new IllegalArgumentException(otherwise);
        }
        return new CpuSet(set);
    }

    /**
     * The cores, in ascending order.
     *
     * @return core numbers, at least one
     */
    public List<Integer> cores() {
        return cores.stream().boxed().toList();
    }

    /**
     * Whether a core is in the set.
     *
     * @param core a core number
     * @return true if it is
     */
    public boolean contains(int core) {
        return core >= 0 && cores.get(core);
    }

    /**
     * How many cores there are.
     *
     * @return at least 1
     */
    public int size() {
        return cores.cardinality();
    }

    @Override
    public boolean equals(Object other) {
        return other instanceof CpuSet that && cores.equals(that.cores);
    }

    @Override
    public int hashCode() {
        return cores.hashCode();
    }

    /**
     * The set as a list that {@link #parse} reads.
     *
     * @return for instance {@code [0,2,3]}
     */
    @Override
    public String toString() {
        return cores.stream().mapToObj(Integer::toString).collect(Collectors.joining(",", "[", "]"));
    }
}
