package io.spdkio.sys;

import java.nio.file.Path;
import java.util.Optional;

/**
 * What {@code mvn -Pnative} runs: links, and makes the jar with the library inside when it was linked from archives.
 * Arguments: the library to write, and the jar's path up to its classifier.
 */
final class LinkMain {
    private LinkMain() {}

    public static void main(String[] args) throws Exception {
        try {
            NativeLinker.Result result =
                    NativeLinker.link(SpdkInstallation.find(), NativeLinker.Mode.AUTO, Optional.of(Path.of(args[0])));
            System.out.println("Linked SPDK v" + result.spdk().version() + " into " + result.library());
            if (result.mode() == NativeLinker.Mode.STATIC) {
                Path jar = Path.of(args[1] + "-" + NativeJar.platform() + ".jar");
                NativeJar.write(result.library(), jar);
                System.out.println("Made " + jar);
            }
        } catch (NativeException e) {
            System.err.println(e.getMessage());
            System.exit(1);
        }
    }
}
