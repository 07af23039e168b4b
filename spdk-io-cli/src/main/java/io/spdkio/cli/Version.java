package io.spdkio.cli;

import picocli.CommandLine;

import java.util.Optional;

/** What {@code --version} says. */
public final class Version implements CommandLine.IVersionProvider {
    /** The version of the command. */
    public static String number() {
        return Optional.ofNullable(Version.class.getPackage().getImplementationVersion())
                .or(() ->
                        Optional.ofNullable(Version.class.getModule().getDescriptor())
                                .flatMap(java.lang.module.ModuleDescriptor::rawVersion))
                .orElse("(not packaged)");
    }

    @Override
    public String[] getVersion() {
        return new String[] {
            "spdk-io " + number(),
            "Java " + Runtime.version() + ", " + System.getProperty("os.name") + " " + System.getProperty("os.arch")
        };
    }
}
