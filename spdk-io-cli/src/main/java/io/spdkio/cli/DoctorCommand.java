package io.spdkio.cli;

import io.spdkio.EngineInfo;
import io.spdkio.SpdkEnv;
import io.spdkio.bdev.ByteSize;
import io.spdkio.sys.NativeException;
import io.spdkio.sys.SpdkInstallation;
import io.spdkio.sys.SpdkLibrary;

import picocli.CommandLine.Command;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Locale;
import java.util.Optional;
import java.util.concurrent.Callable;
import java.util.regex.Matcher;
import java.util.regex.Pattern;

/** {@code spdk-io doctor}. */
@Command(
        name = "doctor",
        description = "Check what this machine offers, and say what to do about what is missing.",
        footer = {
            "",
            "ok: as it should be. note: missing, and needed only by SPDK itself (the native engine). warn: works, but"
                    + " slower or not everything. fail: does not work.",
            "",
            "Ends with 0 unless no engine can run.",
            "",
            "Example:",
            "  spdk-io doctor",
        })
public final class DoctorCommand implements Callable<Integer> {
    private static final int BUILT_FOR = 25;
    private static final long ENOUGH_LOCKED_BYTES = 64L << 20;
    private static final Pattern EFFECTIVE = Pattern.compile("^CapEff:\\s+(\\p{XDigit}+)", Pattern.MULTILINE);

    /** CAP_IPC_LOCK and CAP_SYS_RAWIO, as bits of {@code linux/capability.h}. */
    private static final long DEVICE_CAPABILITIES = 1L << 14 | 1L << 17;

    private static final Pattern LOCKED_LIMIT = Pattern.compile("^Max locked memory\\s+(\\S+)", Pattern.MULTILINE);

    private enum Status {
        OK(32),
        NOTE(36),
        WARN(33),
        FAIL(31);

        private final int color;

        Status(int color) {
            this.color = color;
        }
    }

    /** One thing that was looked at; {@code advice} says what to do. */
    private record Finding(Status status, String subject, String what, String advice) {}

    private final Console console;
    private final List<Finding> findings = new ArrayList<>();

    /** Creates the command. */
    public DoctorCommand(Console console) {
        this.console = console;
    }

    @Override
    public Integer call() {
        // Before this process takes some of them.
        String meminfo = read("/proc/meminfo");
        jdk();
        flags();
        List<EngineInfo> engines = SpdkEnv.engines();
        engines(engines);
        boolean canRun = opens();
        machine();
        if (isLinux()) {
            lockedMemory();
            spdk();
            hugepages(meminfo);
            hugetlbfs();
            permissions();
            vfio();
        } else {
            note("SPDK", "runs on Linux, and this is " + System.getProperty("os.name"), "");
        }
        print();
        if (!canRun) {
            throw CliException.failed("no engine can run here; see what failed above");
        }
        return 0;
    }

    private void ok(String subject, String what) {
        findings.add(new Finding(Status.OK, subject, what, ""));
    }

    private void note(String subject, String what, String advice) {
        findings.add(new Finding(Status.NOTE, subject, what, advice));
    }

    private void warn(String subject, String what, String advice) {
        findings.add(new Finding(Status.WARN, subject, what, advice));
    }

    private void fail(String subject, String what, String advice) {
        findings.add(new Finding(Status.FAIL, subject, what, advice));
    }

    private static boolean isLinux() {
        return System.getProperty("os.name").startsWith("Linux");
    }

    private void jdk() {
        String text = Runtime.version() + ", " + System.getProperty("java.vendor");
        if (Runtime.version().feature() == BUILT_FOR) {
            ok("JDK", text);
        } else {
            warn(
                    "JDK",
                    text + "; spdk-io is built for and tested with " + BUILT_FOR,
                    "set SPDKIO_JAVA_HOME to a JDK " + BUILT_FOR);
        }
    }

    private void flags() {
        Module api = SpdkEnv.class.getModule();
        String name = api.isNamed() ? api.getName() : "ALL-UNNAMED";
        if (Object.class.getModule().isOpen("java.lang", api)) {
            ok("JVM flags", "java.lang is open: SpdkThread.fork works");
        } else {
            warn(
                    "JVM flags",
                    "java.lang is closed: SpdkThread.fork (--api direct) does not work",
                    "start through ./spdk-io, or add --add-opens=java.base/java.lang=" + name);
        }
        Optional<Module> engine = ModuleLayer.boot().findModule("io.spdkio.embedded");
        Module calling = engine.orElse(api);
        if (calling.isNativeAccessEnabled()) {
            ok("", "native access is enabled: system calls work without a warning");
        } else {
            warn(
                    "",
                    "native access is not enabled: the JVM prints a warning, and will forbid it one day",
                    "start through ./spdk-io, or add --enable-native-access="
                            + engine.map(Module::getName).orElse("ALL-UNNAMED"));
        }
    }

    private void engines(List<EngineInfo> engines) {
        if (engines.isEmpty()) {
            fail(
                    "engines",
                    "none on the class or module path",
                    "add the artifact io.spdkio:spdk-io-embedded, which needs nothing else");
        }
        for (EngineInfo info : engines) {
            String subject = info.name();
            if (!info.isAvailable()) {
                note(subject, "can't run here: " + info.unavailabilityCause().orElseThrow(), "");
            } else if (subject.equals("native") && unloadable().isPresent()) {
                warn(subject, "can't run here: its library can't be loaded, see below", "");
            } else if (info.description().contains("io_uring is not available")) {
                warn(
                        subject,
                        info.description(),
                        "files are slower without io_uring; the reason above says what to do");
            } else {
                ok(subject, info.description());
            }
        }
    }

    /** Why the library that is linked can't be loaded. */
    private static Optional<String> unloadable() {
        try {
            var _ = SpdkLibrary.load();
            return Optional.empty();
        } catch (NativeException e) {
            return Optional.of(e.getMessage());
        }
    }

    private boolean opens() {
        // As the other commands open it.
        EnvironmentOptions environment = new EnvironmentOptions();
        try (SpdkEnv env = environment.open("doctor")) {
            ok(
                    "choice",
                    "the "
                            + environment.describe(env)
                            + " engine runs: "
                            + EnvironmentOptions.inOptions(env.engineReason()));
            return true;
        } catch (RuntimeException e) {
            fail("choice", EnvironmentOptions.inOptions(e.getMessage()), "");
            return false;
        }
    }

    private void machine() {
        ok(
                "machine",
                Machine.cpu()
                        + ", "
                        + Runtime.getRuntime().availableProcessors()
                        + " cores for this process, "
                        + Machine.kernel());
    }

    private void lockedMemory() {
        Matcher matcher = LOCKED_LIMIT.matcher(read("/proc/self/limits"));
        if (!matcher.find()) {
            return;
        }
        String limit = matcher.group(1);
        if (limit.equals("unlimited")) {
            ok("locked memory", "unlimited");
            return;
        }
        long bytes = Long.parseLong(limit);
        if (System.getProperty("user.name").equals("root")) {
            ok("locked memory", "limited to " + ByteSize.format(bytes) + ", which does not hold for root");
        } else if (bytes >= ENOUGH_LOCKED_BYTES) {
            ok("locked memory", "up to " + ByteSize.format(bytes));
        } else {
            warn(
                    "locked memory",
                    "limited to " + ByteSize.format(bytes) + ": few buffers can be registered with io_uring",
                    "ulimit -l unlimited; LimitMEMLOCK=infinity in a systemd unit; --ulimit memlock=-1 for a"
                            + " container");
        }
    }

    private void hugepages(String meminfo) {
        long total = number(meminfo, "HugePages_Total");
        long free = number(meminfo, "HugePages_Free");
        long sizeKib = number(meminfo, "Hugepagesize");
        if (free > 0) {
            ok("hugepages", free + " of " + total + " free, " + ByteSize.format(sizeKib << 10) + " each");
        } else if (total > 0) {
            note(
                    "hugepages",
                    "all " + total + " are taken, so SPDK can't start on them now",
                    "end what holds them, reserve more: sysctl vm.nr_hugepages="
                            + 2 * total
                            + " (as root), or --no-huge");
        } else {
            note(
                    "hugepages",
                    "none reserved; the embedded engine needs none",
                    "for SPDK: sysctl vm.nr_hugepages=1024 (as root), or --engine native --no-huge");
        }
    }

    private void hugetlbfs() {
        Matcher matcher = Pattern.compile("^\\S+ (\\S+) hugetlbfs ", Pattern.MULTILINE).matcher(read("/proc/mounts"));
        if (!matcher.find()) {
            note(
                    "hugetlbfs",
                    "not mounted",
                    "for SPDK: mkdir -p /dev/hugepages && mount -t hugetlbfs nodev /dev/hugepages (as root)");
            return;
        }
        String mount = matcher.group(1);
        if (Files.isWritable(Path.of(mount))) {
            ok("hugetlbfs", mount + " is writable");
        } else {
            note(
                    "hugetlbfs",
                    mount + " is not writable for " + System.getProperty("user.name"),
                    "for SPDK: run as root, or chown it to this user");
        }
    }

    /** What SPDK wants beyond a hugetlbfs of the user's own. */
    private void permissions() {
        if (System.getProperty("user.name").equals("root")) {
            ok("permissions", "root: hugepages and devices can be used");
            return;
        }
        Matcher matcher = EFFECTIVE.matcher(read("/proc/self/status"));
        long capabilities = matcher.find() ? Long.parseUnsignedLong(matcher.group(1), 16) : 0;
        if ((capabilities & DEVICE_CAPABILITIES) == DEVICE_CAPABILITIES) {
            ok("permissions", "CAP_IPC_LOCK and CAP_SYS_RAWIO");
        } else {
            note(
                    "permissions",
                    System.getProperty("user.name")
                            + " has not both CAP_IPC_LOCK and CAP_SYS_RAWIO: enough for SPDK in ordinary memory or in"
                            + " hugepages of a hugetlbfs that it may write to, not for devices on the PCI bus",
                    "for those: SPDK's scripts/setup.sh once, as root; then root, or the capabilities (setcap,"
                            + " AmbientCapabilities in a systemd unit); docs/native.md");
        }
    }

    private void vfio() {
        Path vfio = Path.of("/dev/vfio/vfio");
        if (!Files.exists(vfio)) {
            note(
                    "/dev/vfio",
                    "not there: SPDK can't take NVMe devices over",
                    "modprobe vfio-pci (as root), with an IOMMU enabled in the firmware and the kernel");
        } else if (Files.isReadable(vfio) && Files.isWritable(vfio)) {
            ok("/dev/vfio", "can be used");
        } else {
            note(
                    "/dev/vfio",
                    "no permission for " + System.getProperty("user.name"),
                    "for SPDK: run as root, or give this user read and write on /dev/vfio/*");
        }
    }

    private void spdk() {
        boolean found = false;
        try {
            SpdkInstallation spdk = SpdkInstallation.find();
            found = true;
            ok("SPDK", "v" + spdk.version() + " in " + spdk.folder() + ", " + spdk.modules().size() + " modules");
        } catch (NativeException e) {
            note("SPDK", e.getMessage(), "nothing has to be done: the embedded engine runs without");
        }
        Optional<String> notLinked = SpdkLibrary.linkedCause();
        if (notLinked.isPresent()) {
            note(
                    "library",
                    found ? "not linked for Java yet" : "no library was linked elsewhere and copied here either",
                    found ? "spdk-io native link" : "");
            return;
        }
        try {
            SpdkLibrary library = SpdkLibrary.load();
            ok("library", library.spdkVersion() + " loads from " + library.path() + " (" + library.reason() + ")");
            if (library.abi().isExact()) {
                ok("ABI", library.abi().summary());
            } else {
                note("ABI", library.abi().summary(), "spdk-io native info lists what differs");
            }
        } catch (NativeException e) {
            warn(
                    "library",
                    "linked, and cannot be loaded: " + e.getMessage(),
                    "spdk-io native link links it anew; this one was taken for " + SpdkLibrary.locate().reason());
        }
    }

    private static long number(String text, String key) {
        Matcher matcher = Pattern.compile("^" + key + ":\\s+(\\d+)", Pattern.MULTILINE).matcher(text);
        return matcher.find() ? Long.parseLong(matcher.group(1)) : 0;
    }

    private static String read(String file) {
        try {
            return Files.readString(Path.of(file));
        } catch (IOException e) {
            return "";
        }
    }

    private void print() {
        int width = findings.stream().mapToInt(f -> f.subject().length()).max().orElse(0);
        boolean narrow = console.columns() < 60;
        String indent = " ".repeat(narrow ? 6 : 6 + width + 2);
        for (Finding finding : findings) {
            String status = finding.status().name().toLowerCase(Locale.ROOT);
            String head = console.colored(finding.status().color, status) + " ".repeat(6 - status.length());
            if (narrow) {
                console.out().println(head + console.bold(finding.subject()));
                console.out().println(indent + console.wrap(finding.what(), indent));
            } else {
                String subject = finding.subject() + " ".repeat(width - finding.subject().length() + 2);
                console.out().println(head + console.bold(subject) + console.wrap(finding.what(), indent));
            }
            if (!finding.advice().isEmpty()) {
                console.out().println(indent + console.faint(console.wrap("-> " + finding.advice(), indent)));
            }
        }
    }
}
