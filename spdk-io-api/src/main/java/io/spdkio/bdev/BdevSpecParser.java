package io.spdkio.bdev;

import java.net.URLDecoder;
import java.nio.charset.StandardCharsets;
import java.nio.file.InvalidPathException;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.EnumSet;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.Optional;
import java.util.OptionalLong;
import java.util.Set;
import java.util.UUID;
import java.util.function.Function;
import java.util.regex.Matcher;
import java.util.regex.Pattern;

/** Reads specs from text; the grammar is in {@link BdevSpec}. */
final class BdevSpecParser {
    private static final String KINDS = "malloc, null, file, aio, uring, delay, error, passthru";
    private static final Pattern DURATION = Pattern.compile("(\\d+(?:\\.\\d+)?)(ns|us|ms|s)");

    private final String text;
    private final List<BdevSpec> made = new ArrayList<>();

    private BdevSpecParser(String text) {
        this.text = text;
    }

    static List<BdevSpec> parse(String text) {
        BdevSpecParser parser = new BdevSpecParser(text);
        parser.layer(text);
        return List.copyOf(parser.made);
    }

    private IllegalArgumentException bad(String why) {
        return new IllegalArgumentException("bdev spec '" + text + "': " + why);
    }

    private BdevSpec layer(String rest) {
        int colon = rest.indexOf(':');
        if (colon < 0) {
            throw bad(
                    "it has no kind. Write kind:size or kind:path, with a kind of "
                            + KINDS
                            + "; for instance malloc:64MiB or file:/tmp/disk?size=256MiB&create=true");
        }
        String[] head = rest.substring(0, colon).split(",");
        String body = rest.substring(colon + 1);
        String kind = head.length == 0 ? "" : head[0].toLowerCase(Locale.ROOT);
        BdevSpec spec =
                switch (kind) {
                    case "malloc", "null", "file", "aio", "uring" -> {
                        if (head.length > 1) {
                            throw bad("the options of " + kind + " come after a '?': " + kind + ":…?" + head[1]);
                        }
                        yield device(kind, body);
                    }
                    case "delay", "error", "passthru" -> stacked(kind, head, body);
                    default -> throw bad("there is no kind '" + kind + "', only " + KINDS);
                };
        made.add(spec);
        return spec;
    }

    private BdevSpec device(String kind, String body) {
        int mark = body.indexOf('?');
        String target = mark < 0 ? body : body.substring(0, mark);
        Options options = new Options(kind);
        if (mark >= 0) {
            for (String pair : body.substring(mark + 1).split("&")) {
                options.add(pair);
            }
        }
        if (target.isEmpty()) {
            throw bad(
                    kind.equals("malloc") || kind.equals("null")
                            ? "the size is missing: " + kind + ":64MiB"
                            : "the path is missing: " + kind + ":/path");
        }
        return switch (kind) {
            case "malloc" -> {
                String name = options.take("name", Function.identity(), "Malloc0");
                int blockSize = options.take("blockSize", BdevSpecParser::blockSize, 4096);
                Optional<UUID> uuid = options.take("uuid", s -> Optional.of(UUID.fromString(s)), Optional.empty());
                int boundary = options.take("boundary", Integer::parseInt, 0);
                options.end();
                yield checked(() -> new MallocBdev(name, ByteSize.parse(target), blockSize, uuid, boundary));
            }
            case "null" -> {
                String name = options.take("name", Function.identity(), "Null0");
                int blockSize = options.take("blockSize", BdevSpecParser::blockSize, 4096);
                Optional<UUID> uuid = options.take("uuid", s -> Optional.of(UUID.fromString(s)), Optional.empty());
                options.end();
                yield checked(() -> new NullBdev(name, ByteSize.parse(target), blockSize, uuid));
            }
            default -> {
                String name = options.take("name", Function.identity(), "File0");
                int blockSize = options.take("blockSize", BdevSpecParser::blockSize, 0);
                OptionalLong size = options.take("size", s -> OptionalLong.of(ByteSize.parse(s)), OptionalLong.empty());
                boolean create = options.take("create", BdevSpecParser::yesOrNo, false);
                boolean readOnly = options.take("readOnly", BdevSpecParser::yesOrNo, false);
                boolean direct = options.take("direct", BdevSpecParser::yesOrNo, true);
                options.end();
                if (create && size.isEmpty()) {
                    throw bad("create=true needs a size: ?size=256MiB&create=true");
                }
                if (!create && size.isPresent()) {
                    throw bad(
                            "a size is given only to a file that is made: add create=true, or leave the size out to"
                                    + " take the file's own");
                }
                AioBdev.Module module =
                        switch (kind) {
                            case "aio" -> AioBdev.Module.AIO;
                            case "uring" -> AioBdev.Module.URING;
                            default -> AioBdev.Module.ANY;
                        };
                yield checked(() -> new AioBdev(name, path(target), blockSize, module, readOnly, direct, size));
            }
        };
    }

    private BdevSpec stacked(String kind, String[] head, String body) {
        Options options = new Options(kind);
        for (int i = 1; i < head.length; i++) {
            options.add(head[i]);
        }
        String base = layer(body).name();
        String defaultName = Character.toUpperCase(kind.charAt(0)) + kind.substring(1) + "_" + base;
        String name = options.take("name", Function.identity(), defaultName);
        return switch (kind) {
            case "delay" -> {
                Duration read = options.take("read", BdevSpecParser::duration, Duration.ofMillis(1));
                Duration readP99 = options.take("readP99", BdevSpecParser::duration, read);
                Duration write = options.take("write", BdevSpecParser::duration, read);
                Duration writeP99 = options.take("writeP99", BdevSpecParser::duration, write);
                options.end();
                yield checked(() -> new DelayBdev(name, base, new DelayBdev.Latencies(read, readP99, write, writeP99)));
            }
            case "error" -> {
                Set<IoType> types = options.take("op", BdevSpecParser::types, Set.<IoType>of());
                ErrorBdev.Mode mode = options.take("mode", BdevSpecParser::mode, ErrorBdev.Mode.FAILURE);
                long count = options.take("count", Long::parseLong, Long.MAX_VALUE);
                double rate = options.take("rate", Double::parseDouble, 1.0);
                long seed = options.take("seed", Long::parseLong, 0L);
                options.end();
                yield checked(() ->
                        new ErrorBdev(
                                name,
                                base,
                                types.isEmpty()
                                        ? List.of()
                                        : List.of(new ErrorBdev.Injection(types, mode, count, rate, seed, 0))));
            }
            default -> {
                options.end();
                yield checked(() -> new PassthruBdev(name, base));
            }
        };
    }

    private BdevSpec checked(java.util.function.Supplier<BdevSpec> maker) {
        try {
            return maker.get();
        } catch (IllegalArgumentException e) {
            throw bad(e.getMessage());
        }
    }

    private static int blockSize(String s) {
        return Math.toIntExact(Math.min(Integer.MAX_VALUE, ByteSize.parse(s)));
    }

    private static boolean yesOrNo(String s) {
        return switch (s.toLowerCase(Locale.ROOT)) {
            case "true", "yes", "1" -> true;
            case "false", "no", "0" -> false;
            default -> throw new IllegalArgumentException("write true or false");
        };
    }

    private static Duration duration(String s) {
        Matcher matcher = DURATION.matcher(s);
        if (!matcher.matches()) {
            throw new IllegalArgumentException("write a time such as 100us, 1.5ms or 2s");
        }
        double nanos =
                Double.parseDouble(matcher.group(1))
                        * switch (matcher.group(2)) {
                            case "ns" -> 1;
                            case "us" -> 1e3;
                            case "ms" -> 1e6;
                            default -> 1e9;
                        };
        return Duration.ofNanos(Math.round(nanos));
    }

    private static Set<IoType> types(String s) {
        Set<IoType> types = EnumSet.noneOf(IoType.class);
        for (String part : s.split("\\+")) {
            if (part.equals("all")) {
                types.addAll(ErrorBdev.Injection.TYPES);
                continue;
            }
            IoType found = null;
            for (IoType type : IoType.values()) {
                if (type.label().equalsIgnoreCase(part)) {
                    found = type;
                }
            }
            if (found == null || !ErrorBdev.Injection.TYPES.contains(found)) {
                throw new IllegalArgumentException("write read, write, unmap or flush, several as read+write, or all");
            }
            types.add(found);
        }
        return types;
    }

    private static ErrorBdev.Mode mode(String s) {
        return switch (s.toLowerCase(Locale.ROOT)) {
            case "failure" -> ErrorBdev.Mode.FAILURE;
            case "pending" -> ErrorBdev.Mode.PENDING;
            case "corrupt", "corrupt_data" -> ErrorBdev.Mode.CORRUPT_DATA;
            case "nomem" -> ErrorBdev.Mode.NOMEM;
            default -> throw new IllegalArgumentException("write failure, pending, corrupt or nomem");
        };
    }

    private Path path(String target) {
        try {
            String decoded =
                    target.indexOf('%') < 0
                            ? target
                            : URLDecoder.decode(target.replace("+", "%2B"), StandardCharsets.UTF_8);
            return Path.of(decoded);
        } catch (InvalidPathException e) {
            throw new IllegalArgumentException("not a path: " + e.getMessage(), e);
        }
    }

    /** The options of one layer, each taken once. */
    private final class Options {
        private final String kind;
        private final Map<String, String> values = new LinkedHashMap<>();
        private final List<String> known = new ArrayList<>();

        Options(String kind) {
            this.kind = kind;
        }

        void add(String pair) {
            int equals = pair.indexOf('=');
            if (equals <= 0) {
                throw bad("'" + pair + "' is not an option; write option=value");
            }
            if (values.put(pair.substring(0, equals), pair.substring(equals + 1)) != null) {
                throw bad("option '" + pair.substring(0, equals) + "' is given twice");
            }
        }

        <T> T take(String option, Function<String, T> reader, T otherwise) {
            known.add(option);
            String value = values.remove(option);
            if (value == null) {
                return otherwise;
            }
            try {
                return reader.apply(value);
            } catch (IllegalArgumentException e) {
                String why = e instanceof NumberFormatException ? "write a number" : e.getMessage();
                throw bad("option " + option + "=" + value + ": " + why);
            }
        }

        void end() {
            if (!values.isEmpty()) {
                throw bad(
                        kind
                                + " has no option '"
                                + values.keySet().iterator().next()
                                + "', only "
                                + String.join(", ", known));
            }
        }
    }
}
