package io.spdkio.cli.blob;

import io.spdkio.cli.CliException;

import picocli.CommandLine.Option;

import java.nio.charset.StandardCharsets;
import java.util.LinkedHashMap;
import java.util.Map;

/** How a new blob is called, and what else is noted of it. */
final class NewBlob {
    @Option(names = "--name", paramLabel = "NAME", description = "Kept in the attribute 'name'; must not be taken.")
    private String name;

    @Option(names = "--xattr", paramLabel = "KEY=VALUE", description = "An attribute; may be repeated.")
    private Map<String, String> xattrs = new LinkedHashMap<>();

    String name() {
        return name;
    }

    /** The attributes, the name among them. */
    Map<String, byte[]> xattrs() {
        Map<String, byte[]> all = new LinkedHashMap<>();
        if (name != null) {
            if (xattrs.containsKey(OpenStore.NAME)) {
                throw CliException.usage("--name and --xattr name=... are the same; leave one out");
            }
            all.put(OpenStore.NAME, bytes(name));
        }
        xattrs.forEach((key, value) -> all.put(key, bytes(value)));
        return all;
    }

    static byte[] bytes(String text) {
        return text.getBytes(StandardCharsets.UTF_8);
    }
}
