package io.spdkio.cli.blob;

import io.spdkio.blob.BlobId;
import io.spdkio.cli.CliException;
import io.spdkio.cli.Console;

import picocli.CommandLine.Mixin;

import java.io.IOException;
import java.util.concurrent.Callable;

/** A command on a store. */
abstract class StoreCommand implements Callable<Integer> {
    final Console console;

    @Mixin StoreOptions options;

    StoreCommand(Console console) {
        this.console = console;
    }

    /** What is done with a loaded store. */
    @FunctionalInterface
    interface OnStore {
        void run(OpenStore open) throws IOException;
    }

    /** Loads the store, does something with it, and unloads it. */
    void onStore(OnStore body) throws IOException {
        try (Device device = Device.open(options, false);
                OpenStore open = OpenStore.load(device)) {
            body.run(open);
        }
    }

    void print(BlobId id) {
        console.out().println(id);
    }

    void row(String key, String value) {
        Rows.print(console, key, value);
    }

    static void require(boolean holds, String option, Object value, String range) {
        if (!holds) {
            throw CliException.usage(option + " " + value + " is out of range; give " + range);
        }
    }
}
