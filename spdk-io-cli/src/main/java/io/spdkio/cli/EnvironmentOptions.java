package io.spdkio.cli;

import io.spdkio.SpdkEnv;
import io.spdkio.SpdkException;

import picocli.CommandLine.Model.CommandSpec;
import picocli.CommandLine.Model.OptionSpec;
import picocli.CommandLine.Option;
import picocli.CommandLine.Spec;

import java.util.function.UnaryOperator;
import java.util.logging.Level;
import java.util.logging.Logger;

/** The options of an environment, the same for every command that opens one. */
public class EnvironmentOptions {
    private static final long BYTES_PER_MIB = 1 << 20;

    @Option(
            names = "--engine",
            paramLabel = "ENGINE",
            completionCandidates = Engines.class,
            description = "${COMPLETION-CANDIDATES} (default auto, the first of native and embedded that starts).")
    private String engine;

    @Option(
            names = "--memory",
            paramLabel = "SIZE",
            converter = Sizes.class,
            description =
                    "The most for buffers and, on native, devices in memory. Native takes hugepages as needed without"
                            + " it, and 1GiB of ordinary memory.")
    private Long memoryBytes;

    @Option(
            names = "--no-huge",
            description =
                    "Native: ordinary memory rather than hugepages. It is taken without this option too when there are"
                            + " no hugepages to be had, unless with --pci.")
    private boolean noHuge;

    @Option(names = "--pci", description = "Native: let SPDK look for devices on the PCI bus.")
    private boolean pci;

    @Option(
            names = "--core-mask",
            paramLabel = "CORES",
            description = "The cores that threads may be pinned to: 0x6 or [1,2-3] (default all).")
    private String coreMask;

    @Option(names = "--main-core", paramLabel = "CORE", description = "Native: the core that SPDK starts on.")
    private Integer mainCore;

    @Spec(Spec.Target.MIXEE)
    private CommandSpec command;

    /** Kept, or its level would be forgotten. */
    private Logger spdkLog;

    /** Why hugepages are not used; null while they are, or were not asked for. */
    private String ordinaryMemoryCause;

    /** For picocli. */
    public EnvironmentOptions() {}

    /** Refuses what can't be, before anything is done. */
    public void check() {
        if (engine != null) {
            Engines.check(engine);
        }
        if (memoryBytes != null && (memoryBytes < BYTES_PER_MIB || memoryBytes / BYTES_PER_MIB > Integer.MAX_VALUE)) {
            throw CliException.usage("--memory " + memoryBytes + " is out of range; give 1MiB or more");
        }
        if (noHuge && pci) {
            throw CliException.usage("--no-huge and --pci exclude each other: devices need memory that stays in place");
        }
        try {
            SpdkEnv.Builder _ = settings(SpdkEnv.builder());
        } catch (IllegalArgumentException e) {
            throw CliException.usage(e);
        }
    }

    private SpdkEnv.Builder settings(SpdkEnv.Builder builder) {
        if (engine != null) {
            builder.engine(engine);
        }
        if (memoryBytes != null) {
            builder.memSizeMb((int) (memoryBytes / BYTES_PER_MIB));
        }
        if (coreMask != null) {
            builder.coreMask(coreMask);
        }
        if (mainCore != null) {
            builder.mainCore(mainCore);
        }
        if (noHuge) {
            builder.noHuge(true);
        }
        return builder.noPci(!pci);
    }

    /** Opens it. */
    public SpdkEnv open(String name) {
        return open(name, UnaryOperator.identity());
    }

    /**
     * Opens it.
     *
     * @param name the environment's name
     * @param more what the command sets besides
     */
    public SpdkEnv open(String name, UnaryOperator<SpdkEnv.Builder> more) {
        hushSpdk();
        SpdkEnv.Builder builder = more.apply(settings(SpdkEnv.builder().name(name)));
        try {
            return builder.build();
        } catch (SpdkException.EngineUnavailable e) {
            if (!"native".equals(engine) || noHuge || pci) {
                throw e;
            }
            return openInOrdinaryMemory(builder, e);
        } catch (IllegalArgumentException e) {
            throw CliException.usage(e);
        }
    }

    /** What SPDK logs before something fails is in the message about that, too. */
    private void hushSpdk() {
        // A command that stands alone, as in tests, has not the options that all commands share.
        OptionSpec option = command == null ? null : command.findOption("--debug");
        boolean debug = option != null && Boolean.TRUE.equals(option.getValue());
        if (!debug && !"embedded".equals(engine)) {
            spdkLog = Logger.getLogger("io.spdkio.spdk");
            spdkLog.setLevel(Level.OFF);
        }
    }

    /** A first try must not need root; who looks at the figures is told. */
    private SpdkEnv openInOrdinaryMemory(SpdkEnv.Builder builder, SpdkException.EngineUnavailable cause) {
        try {
            SpdkEnv env = builder.noHuge(true).build();
            ordinaryMemoryCause = firstSentence(cause.getMessage());
            return env;
        } catch (SpdkException.EngineUnavailable again) {
            again.addSuppressed(cause);
            throw again;
        }
    }

    private static String firstSentence(String message) {
        String cause = message.replaceFirst("^engine 'native': ", "");
        int end = cause.indexOf(". ");
        return end < 0 ? cause : cause.substring(0, end);
    }

    /** The engine that runs, and in what memory when that is not the usual. */
    public String describe(SpdkEnv env) {
        String name = env.engine().name();
        if (!name.equals("native")) {
            return name;
        }
        return ordinaryMemoryCause != null
                ? name + " in ordinary memory (" + ordinaryMemoryCause + ")"
                : noHuge ? name + " in ordinary memory" : name;
    }

    /** Says in the command's options what the library says in its own words. */
    static String inOptions(String message) {
        return message.replace("noHuge(true)", "--no-huge")
                .replace("memSizeMb", "--memory")
                .replace("coreMask", "--core-mask")
                .replace("mainCore", "--main-core")
                .replace("noPci", "--pci")
                .replace("the offline checker", "spdk-io blob check");
    }
}
