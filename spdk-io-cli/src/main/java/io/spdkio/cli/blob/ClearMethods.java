package io.spdkio.cli.blob;

import io.spdkio.blob.ClearMethod;

import picocli.CommandLine;

import java.util.Arrays;
import java.util.Iterator;
import java.util.List;
import java.util.Locale;

/** Reads clear methods in options: default, none, unmap, write-zeroes. */
final class ClearMethods implements CommandLine.ITypeConverter<ClearMethod>, Iterable<String> {
    private static String word(ClearMethod method) {
        return method.name().toLowerCase(Locale.ROOT).replace('_', '-');
    }

    private static List<String> words() {
        return Arrays.stream(ClearMethod.values()).map(ClearMethods::word).toList();
    }

    @Override
    public ClearMethod convert(String text) {
        return Arrays.stream(ClearMethod.values())
                .filter(method -> word(method).equals(text.toLowerCase(Locale.ROOT)))
                .findFirst()
                .orElseThrow(() ->
                        new CommandLine.TypeConversionException(
                                "'" + text + "' is none of " + String.join(", ", words())));
    }

    @Override
    public Iterator<String> iterator() {
        return words().iterator();
    }
}
