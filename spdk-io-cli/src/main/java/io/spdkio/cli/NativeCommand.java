package io.spdkio.cli;

import io.spdkio.sys.NativeException;
import io.spdkio.sys.NativeJar;
import io.spdkio.sys.NativeLinker;
import io.spdkio.sys.SpdkInstallation;
import io.spdkio.sys.SpdkLibrary;

import picocli.CommandLine;
import picocli.CommandLine.ArgGroup;
import picocli.CommandLine.Command;
import picocli.CommandLine.Model.CommandSpec;
import picocli.CommandLine.Option;
import picocli.CommandLine.Spec;

import java.io.IOException;
import java.nio.file.Path;
import java.util.List;
import java.util.Optional;
import java.util.function.Supplier;
import java.util.stream.Collectors;

/** {@code spdk-io native}. */
@Command(
        name = "native",
        description = "Link the SPDK of this machine for Java, and look at what was linked.",
        footer = {
            "",
            "The library is linked once and then found by itself. It can be copied to machines without a C compiler.",
            "",
            "Examples:",
            "  spdk-io native link",
            "  spdk-io native link --spdk /opt/spdk --static --output ./libspdk_io.so",
            "  spdk-io native info",
        })
public final class NativeCommand implements Runnable {
    private final Console console;

    @Spec private CommandSpec spec;

    /** Creates the command. */
    public NativeCommand(Console console) {
        this.console = console;
    }

    @Override
    public void run() {
        throw new CommandLine.ParameterException(spec.commandLine(), "say what to do: link, info or jar");
    }

    static final class Kind {
        @Option(
                names = "--static",
                description = "From static archives: one file that needs no SPDK. The default where they are.")
        private boolean statically;

        @Option(names = "--shared", description = "From shared objects: small, and bound to where SPDK is now.")
        private boolean shared;

        NativeLinker.Mode mode() {
            return statically ? NativeLinker.Mode.STATIC : shared ? NativeLinker.Mode.SHARED : NativeLinker.Mode.AUTO;
        }
    }

    @Command(
            name = "link",
            description = "Link SPDK and what spdk-io adds to it into one shared object.",
            footer = {
                "",
                "Needs SPDK (v24.09 or newer), a C compiler and pkg-config.",
                "",
                "Example:",
                "  spdk-io native link --spdk /opt/spdk"
            })
    int link(
            @Option(
                            names = "--output",
                            paramLabel = "FILE",
                            description = "Where to put it, rather than into the cache where it is found by itself.")
                    Path output,
            @Option(
                            names = "--spdk",
                            paramLabel = "DIR",
                            description =
                                    "Where SPDK is installed. Otherwise SPDK_DIR, pkg-config, /opt/spdk, /usr/local and"
                                            + " /usr are asked.")
                    Path spdk,
            @ArgGroup(exclusive = true) Kind kind) {
        NativeLinker.Mode mode = kind == null ? NativeLinker.Mode.AUTO : kind.mode();
        NativeLinker.Result result =
                tried(() -> NativeLinker.link(installation(spdk), mode, Optional.ofNullable(output)));
        show("SPDK", "v" + result.spdk().version() + " in " + result.spdk().folder());
        show("modules", String.join(" ", result.spdk().modules()));
        show("from", result.mode() == NativeLinker.Mode.STATIC ? "static archives" : "shared objects");
        show("library", result.library() + (result.wasThere() ? " (was there already)" : ""));
        if (result.leftOut() > 0) {
            show(
                    "note",
                    result.leftOut()
                            + " entries of the bindings are not in this SPDK; what uses them says so: spdk-io native"
                            + " info");
        }
        if (output != null) {
            show("to use it", "export SPDKIO_NATIVE_LIBRARY=" + result.library());
        }
        return 0;
    }

    @Command(
            name = "info",
            description = "Load the linked library and show what is in it.",
            footer = {"", "Example:", "  spdk-io native info"})
    int info() {
        SpdkLibrary library = tried(SpdkLibrary::load);
        show("SPDK", library.spdkVersion());
        show("DPDK", library.dpdkVersion().isEmpty() ? "unknown" : library.dpdkVersion());
        show("library", library.path().toString());
        show("found by", library.reason());
        show("from", library.mode() == NativeLinker.Mode.STATIC ? "static archives" : "shared objects");
        show("modules", String.join(" ", library.modules()));
        show("bdev types", String.join(" ", bdevTypes(library.modules())));
        show("ABI", library.abi().summary());
        library.abi().structs().forEach((struct, difference) -> show("", struct + ": " + difference));
        library.abi().constants().forEach((constant, difference) -> show("", constant + ": " + difference));
        show(
                "signals",
                library.restoredSignals().isEmpty()
                        ? "left alone by SPDK"
                        : "given back to the JVM: " + String.join(" ", library.restoredSignals()));
        return 0;
    }

    @Command(
            name = "jar",
            description = "Link from static archives and make a jar with the library inside.",
            footer = {
                "",
                "The jar goes on the class path of a machine that has neither SPDK nor a C compiler.",
                "",
                "Example:",
                "  spdk-io native jar"
            })
    int jar(
            @Option(
                            names = "--output",
                            paramLabel = "FILE",
                            description = "The jar. Otherwise spdk-io-sys with the platform's name, here.")
                    Path output,
            @Option(names = "--spdk", paramLabel = "DIR", description = "Where SPDK is installed, as for link.")
                    Path spdk) {
        NativeLinker.Result result =
                tried(() -> NativeLinker.link(installation(spdk), NativeLinker.Mode.STATIC, Optional.empty()));
        Path jar = output == null ? Path.of("spdk-io-sys-" + NativeJar.platform() + ".jar") : output;
        try {
            NativeJar.write(result.library(), jar);
        } catch (IOException e) {
            throw CliException.failed("cannot write " + jar + ": " + e.getMessage(), e);
        }
        show("SPDK", "v" + result.spdk().version() + " in " + result.spdk().folder());
        show("jar", jar.toAbsolutePath().normalize().toString());
        return 0;
    }

    private static SpdkInstallation installation(Path folder) {
        return folder == null ? SpdkInstallation.find() : SpdkInstallation.in(folder);
    }

    private static List<String> bdevTypes(List<String> modules) {
        return modules.stream()
                .filter(module -> module.startsWith("bdev_") && !module.equals("bdev_modules"))
                .map(module -> module.substring("bdev_".length()))
                .collect(Collectors.toList());
    }

    private static <T> T tried(Supplier<T> action) {
        try {
            return action.get();
        } catch (NativeException e) {
            throw CliException.failed(e.getMessage(), e);
        }
    }

    private void show(String what, String text) {
        if (console.columns() < 60) {
            console.out().println(what.isEmpty() ? "" : console.bold(what));
            console.out().println("  " + console.wrap(text, "  "));
        } else {
            String head = what + " ".repeat(Math.max(1, 12 - what.length()));
            console.out().println(console.bold(head) + console.wrap(text, " ".repeat(12)));
        }
    }
}
