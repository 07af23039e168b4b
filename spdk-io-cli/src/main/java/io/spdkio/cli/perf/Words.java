package io.spdkio.cli.perf;

import picocli.CommandLine;

import java.util.Arrays;
import java.util.Locale;
import java.util.stream.Collectors;

/** Reads an option's word, and names the words there are when it is none of them. */
abstract class Words<E extends Enum<E>> implements CommandLine.ITypeConverter<E> {
    private final Class<E> type;

    Words(Class<E> type) {
        this.type = type;
    }

    @Override
    public E convert(String text) {
        return Arrays.stream(type.getEnumConstants())
                .filter(word -> word.toString().equals(text.toLowerCase(Locale.ROOT)))
                .findFirst()
                .orElseThrow(() ->
                        new CommandLine.TypeConversionException(
                                "'"
                                        + text
                                        + "' is none of "
                                        + Arrays.stream(type.getEnumConstants())
                                                .map(Object::toString)
                                                .collect(Collectors.joining(", "))));
    }

    static final class Workloads extends Words<Workload> {
        Workloads() {
            super(Workload.class);
        }
    }

    static final class Apis extends Words<Api> {
        Apis() {
            super(Api.class);
        }
    }
}
