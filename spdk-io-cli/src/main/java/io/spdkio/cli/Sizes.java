package io.spdkio.cli;

import io.spdkio.bdev.ByteSize;

import picocli.CommandLine;

/** Reads sizes in options. */
public final class Sizes implements CommandLine.ITypeConverter<Long> {
    @Override
    public Long convert(String text) {
        try {
            return ByteSize.parse(text);
        } catch (IllegalArgumentException e) {
            throw new CommandLine.TypeConversionException(e.getMessage());
        }
    }
}
