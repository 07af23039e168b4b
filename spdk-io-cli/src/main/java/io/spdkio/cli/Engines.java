package io.spdkio.cli;

import java.util.Iterator;
import java.util.List;

/** The names of engines. */
public final class Engines implements Iterable<String> {
    private static final List<String> NAMES = List.of("auto", "embedded", "native");

    /** Refuses what is no engine's name. */
    public static void check(String name) {
        if (!NAMES.contains(name)) {
            throw CliException.usage("there is no engine '" + name + "'; give --engine " + String.join(", ", NAMES));
        }
    }

    @Override
    public Iterator<String> iterator() {
        return NAMES.iterator();
    }
}
