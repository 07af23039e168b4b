package io.spdkio.sys;

import java.util.Map;
import java.util.regex.Matcher;
import java.util.regex.Pattern;

/** Which package has what is missing. */
final class Packages {
    private record Names(String debian, String fedora) {}

    /** By the name of a library without lib and .so, and by the first folder or the name of a header. */
    private static final Map<String, Names> KNOWN =
            Map.ofEntries(
                    Map.entry("cc", new Names("gcc", "gcc")),
                    Map.entry("pkg-config", new Names("pkg-config", "pkgconf-pkg-config")),
                    Map.entry("ld", new Names("binutils", "binutils")),
                    Map.entry("c", new Names("libc6-dev", "glibc-devel")),
                    Map.entry("numa", new Names("libnuma-dev", "numactl-devel")),
                    Map.entry("aio", new Names("libaio-dev", "libaio-devel")),
                    Map.entry("uring", new Names("liburing-dev", "liburing-devel")),
                    Map.entry("uuid", new Names("uuid-dev", "libuuid-devel")),
                    Map.entry("ssl", new Names("libssl-dev", "openssl-devel")),
                    Map.entry("crypto", new Names("libssl-dev", "openssl-devel")),
                    Map.entry("ibverbs", new Names("libibverbs-dev", "rdma-core-devel")),
                    Map.entry("rdmacm", new Names("librdmacm-dev", "rdma-core-devel")),
                    Map.entry("mlx5", new Names("libibverbs-dev", "rdma-core-devel")),
                    Map.entry("fuse3", new Names("libfuse3-dev", "fuse3-devel")),
                    Map.entry("bsd", new Names("libbsd-dev", "libbsd-devel")),
                    Map.entry("elf", new Names("libelf-dev", "elfutils-libelf-devel")),
                    Map.entry("pcap", new Names("libpcap-dev", "libpcap-devel")),
                    Map.entry("json-c", new Names("libjson-c-dev", "json-c-devel")),
                    Map.entry("keyutils", new Names("libkeyutils-dev", "keyutils-libs-devel")),
                    Map.entry("archive", new Names("libarchive-dev", "libarchive-devel")),
                    Map.entry("z", new Names("zlib1g-dev", "zlib-devel")));

    /** What is needed at run time only. */
    private static final Map<String, Names> RUNTIME =
            Map.of(
                    "numa", new Names("libnuma1", "numactl-libs"),
                    "aio", new Names("libaio1", "libaio"),
                    "uring", new Names("liburing2", "liburing"),
                    "uuid", new Names("libuuid1", "libuuid"),
                    "ssl", new Names("libssl3", "openssl-libs"),
                    "crypto", new Names("libssl3", "openssl-libs"),
                    "ibverbs", new Names("libibverbs1", "libibverbs"),
                    "rdmacm", new Names("librdmacm1", "librdmacm"));

    private static final Pattern SHARED = Pattern.compile("(lib[^ /:]+\\.so[.0-9]*): cannot open shared object file");

    private Packages() {}

    /** {@return how to install what a program, library or header belongs to} */
    static String install(String missing) {
        Matcher shared = Pattern.compile("lib([^ /]+?)\\.so.*").matcher(missing);
        Names names = shared.matches() ? RUNTIME.get(shared.group(1)) : KNOWN.get(missing);
        if (names == null && shared.matches()) {
            names = KNOWN.get(shared.group(1));
        }
        return names == null
                ? "install the package that has it"
                : "apt-get install " + names.debian + " (Debian, Ubuntu) or dnf install " + names.fedora + " (Fedora)";
    }

    /** {@return how to install what a header belongs to} */
    static String installHeader(String header) {
        String key = header.replaceAll("[/.].*", "");
        return switch (key) {
            case "openssl" -> install("ssl");
            case "libaio" -> install("aio");
            case "liburing" -> install("uring");
            case "numa", "uuid" -> install(key);
            case "spdk" -> "SPDK is not installed with its headers: run make install in its sources";
            case "rte_config", "rte_version" -> "DPDK's headers are not installed: run make install in SPDK's sources";
            case "infiniband", "rdma" -> install("ibverbs");
            default -> install("c");
        };
    }

    /** {@return the shared object that dlerror says is missing, or null} */
    static String missingLibrary(String reason) {
        Matcher matcher = SHARED.matcher(reason);
        return matcher.find() && !matcher.group(1).equals(NativeLinker.FILE_NAME) ? matcher.group(1) : null;
    }
}
