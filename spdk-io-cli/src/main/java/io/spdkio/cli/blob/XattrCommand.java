package io.spdkio.cli.blob;

import io.spdkio.SpdkException;
import io.spdkio.blob.Blob;
import io.spdkio.cli.CliException;
import io.spdkio.cli.Console;
import io.spdkio.embedded.blob.format.Printable;

import picocli.CommandLine;
import picocli.CommandLine.Command;
import picocli.CommandLine.Mixin;
import picocli.CommandLine.Model.CommandSpec;
import picocli.CommandLine.Option;
import picocli.CommandLine.Parameters;
import picocli.CommandLine.Spec;

import java.io.IOException;
import java.util.List;

/** {@code spdk-io blob xattr}. */
@Command(
        name = "xattr",
        description = "Get, set, remove and list the attributes of a blob.",
        footer = {
            "",
            "Examples:",
            "  spdk-io blob xattr ls --bdev file:store.img disk",
            "  spdk-io blob xattr set --bdev file:store.img disk owner me",
            "  spdk-io blob xattr get --bdev file:store.img disk owner",
        })
final class XattrCommand implements Runnable {
    private final Console console;

    @Spec private CommandSpec spec;

    XattrCommand(Console console) {
        this.console = console;
    }

    @Override
    public void run() {
        throw new CommandLine.ParameterException(spec.commandLine(), "say what to do: get, set, rm or ls");
    }

    /** What is done with an open blob. */
    @FunctionalInterface
    private interface OnBlob {
        void run(Blob blob) throws IOException;
    }

    private static void onBlob(StoreOptions options, String blob, OnBlob body) throws IOException {
        try (Device device = Device.open(options, false);
                OpenStore open = OpenStore.load(device);
                Blob opened = open.open(blob)) {
            body.run(opened);
        }
    }

    /** Which attribute of which blob. */
    static final class Attribute {
        @Parameters(index = "0", paramLabel = "BLOB", description = "Its id or name.")
        private String blob;

        @Parameters(index = "1", paramLabel = "NAME", description = "The attribute.")
        private String name;

        CliException none() {
            return CliException.failed(
                    "%s has no attribute '%s'; spdk-io blob xattr ls lists those that it has"
                            .formatted(blob, Printable.harmless(name)));
        }
    }

    @Command(
            name = "get",
            description = "Print the value of an attribute, byte for byte.",
            footer = {"", "Example:", "  spdk-io blob xattr get --bdev file:store.img disk owner"})
    int get(@Mixin StoreOptions options, @Mixin Attribute attribute) throws IOException {
        onBlob(
                options,
                attribute.blob,
                opened -> {
                    byte[] value = opened.xattr(attribute.name).join().orElseThrow(attribute::none);
                    console.out().flush();
                    console.bytes().write(value);
                    if (console.outIsTerminal()) {
                        console.bytes().write('\n');
                    }
                    console.bytes().flush();
                });
        return 0;
    }

    @Command(
            name = "set",
            description = "Set an attribute, durably.",
            footer = {
                "",
                "Examples:",
                "  spdk-io blob xattr set --bdev file:store.img disk owner me",
                "  spdk-io blob xattr set --bdev file:store.img disk key --stdin < key.bin"
            })
    int set(
            @Mixin StoreOptions options,
            @Mixin Attribute attribute,
            @Parameters(index = "2", paramLabel = "VALUE", arity = "0..1", description = "Its value, kept as UTF-8.")
                    String value,
            @Option(names = "--stdin", description = "Take the value from standard input, byte for byte.")
                    boolean fromInput)
            throws IOException {
        if (fromInput == (value != null)) {
            throw CliException.usage("give VALUE or --stdin, one of them");
        }
        byte[] bytes = fromInput ? console.in().readAllBytes() : NewBlob.bytes(value);
        onBlob(
                options,
                attribute.blob,
                opened -> {
                    opened.setXattr(attribute.name, bytes).join();
                    opened.syncMetadata().join();
                });
        return 0;
    }

    @Command(
            name = "rm",
            description = "Remove an attribute, durably.",
            footer = {"", "Example:", "  spdk-io blob xattr rm --bdev file:store.img disk owner"})
    int rm(@Mixin StoreOptions options, @Mixin Attribute attribute) throws IOException {
        onBlob(
                options,
                attribute.blob,
                opened -> {
                    try {
                        opened.removeXattr(attribute.name).join();
                    } catch (SpdkException.NotFound e) {
                        throw attribute.none();
                    }
                    opened.syncMetadata().join();
                });
        return 0;
    }

    @Command(
            name = "ls",
            description = "List the attributes with their values.",
            footer = {"", "Example:", "  spdk-io blob xattr ls --bdev file:store.img disk"})
    int ls(@Mixin StoreOptions options, @Parameters(paramLabel = "BLOB", description = "Its id or name.") String blob)
            throws IOException {
        onBlob(
                options,
                blob,
                opened -> {
                    List<String> names = opened.xattrNames().join();
                    for (String name : names) {
                        byte[] value = opened.xattr(name).join().orElse(new byte[0]);
                        Rows.print(console, Printable.harmless(name), Printable.shown(value));
                    }
                });
        return 0;
    }
}
