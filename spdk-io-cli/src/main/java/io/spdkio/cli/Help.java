package io.spdkio.cli;

import picocli.CommandLine;
import picocli.CommandLine.Help.Ansi.Text;
import picocli.CommandLine.Model.ArgSpec;
import picocli.CommandLine.Model.CommandSpec;
import picocli.CommandLine.Model.OptionSpec;
import picocli.CommandLine.Model.PositionalParamSpec;

import java.util.ArrayList;
import java.util.Arrays;
import java.util.Comparator;
import java.util.List;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import java.util.stream.Collectors;

/**
 * Lays help out for the width of the terminal. picocli's own layout breaks lines inside words, and needs 55 columns;
 * only the synopsis is picocli's, where it fits.
 */
final class Help {
    private static final int MIN_COLUMNS_OF_PICOCLI = 55;
    private static final int MAX_COLUMNS = 100;

    private Help() {}

    static void install(CommandLine line, int columns) {
        line.setUsageHelpWidth(Math.clamp(columns, MIN_COLUMNS_OF_PICOCLI, MAX_COLUMNS));
        line.setHelpFactory((spec, scheme) -> new Page(spec, scheme, Math.min(columns, MAX_COLUMNS)));
    }

    /**
     * What is described, and how.
     *
     * @param indent how far its name stands in
     */
    private record Entry(int indent, Text name, List<String> description) {
        int width() {
            return indent + name.getCJKAdjustedLength();
        }
    }

    private static final class Page extends CommandLine.Help {
        private static final int MAX_NAME_COLUMNS = 30;
        private static final int GAP = 3;
        private static final int MIN_REMARK_COLUMNS = 16;
        private static final int BELOW = 6;

        /** An example or a remark: two columns, with at least two spaces between them. */
        private static final Pattern TWO_COLUMNS = Pattern.compile("( *\\S.*?\\s{2,})(\\S.*)");

        private final CommandSpec spec;
        private final int columns;

        Page(CommandSpec spec, ColorScheme scheme, int columns) {
            super(spec, scheme);
            this.spec = spec;
            this.columns = columns;
        }

        private boolean isNarrow() {
            return columns < MIN_COLUMNS_OF_PICOCLI;
        }

        // ---- what picocli asks for

        @Override
        public String synopsis(int headingLength) {
            if (!isNarrow()) {
                return super.synopsis(headingLength);
            }
            String arguments = spec.subcommands().isEmpty() ? " [OPTIONS]" : " [OPTIONS] COMMAND";
            StringBuilder text = new StringBuilder();
            put(text, headingLength, 2, spec.qualifiedName() + arguments, "");
            return text.toString();
        }

        @Override
        public String description(Object... params) {
            StringBuilder text = new StringBuilder();
            for (String line : spec.usageMessage().description()) {
                put(text, 0, 0, plain(line), "");
            }
            return text.toString();
        }

        @Override
        public String parameterList() {
            return list(
                    spec.positionalParameters().stream()
                            .map(parameter -> new Entry(nameIndent(), label(parameter), description(parameter)))
                            .toList());
        }

        @Override
        public String optionList() {
            return list(
                    spec.options().stream()
                            .filter(option -> !option.hidden())
                            .sorted(Comparator.comparingInt(OptionSpec::order))
                            .map(this::entry)
                            .toList());
        }

        @Override
        public String commandList() {
            List<Entry> entries = new ArrayList<>();
            spec.subcommands()
                    .forEach((name, command) -> {
                        var usage = command.getCommandSpec().usageMessage();
                        if (!usage.hidden()) {
                            entries.add(
                                    new Entry(
                                            2,
                                            colorScheme().commandText(name),
                                            Arrays.stream(usage.description()).map(Page::plain).toList()));
                        }
                    });
            return list(entries);
        }

        @Override
        public String footer(Object... params) {
            StringBuilder text = new StringBuilder();
            for (String line : spec.usageMessage().footer()) {
                String plain = plain(line);
                Matcher two = TWO_COLUMNS.matcher(plain);
                if (!plain.startsWith("  ")) {
                    put(text, 0, 0, plain, "");
                } else if (two.matches()) {
                    remark(text, two.group(1), two.group(2));
                } else {
                    text.append("  ");
                    // So that it can be pasted as it stands.
                    put(text, 2, BELOW, plain.strip(), " \\");
                }
            }
            return text.toString();
        }

        // ---- lists

        /** Below the long options, as picocli has it. */
        private int nameIndent() {
            return isNarrow() ? 2 : BELOW;
        }

        private Text label(PositionalParamSpec parameter) {
            return parameterLabelRenderer()
                    .renderParameterLabel(parameter, colorScheme().ansi(), colorScheme().parameterStyles());
        }

        private Entry entry(OptionSpec option) {
            String names =
                    Arrays.stream(option.names())
                            .sorted(Comparator.comparingInt(String::length))
                            .collect(Collectors.joining(", "));
            Text label =
                    parameterLabelRenderer()
                            .renderParameterLabel(option, colorScheme().ansi(), colorScheme().optionParamStyles());
            return new Entry(
                    names.startsWith("--") ? nameIndent() : 2,
                    colorScheme().optionText(names).concat(label),
                    description(option));
        }

        private static List<String> description(ArgSpec arg) {
            String value = arg.defaultValue() == null ? "none" : arg.defaultValue();
            String candidates = arg.completionCandidates() == null ? "" : String.join(", ", arg.completionCandidates());
            return Arrays.stream(arg.description())
                    .map(line ->
                            plain(line)
                                    .replace("${DEFAULT-VALUE}", value)
                                    .replace("${COMPLETION-CANDIDATES}", candidates))
                    .toList();
        }

        private String list(List<Entry> entries) {
            int widest = entries.stream().mapToInt(Entry::width).filter(it -> it <= MAX_NAME_COLUMNS).max().orElse(0);
            StringBuilder text = new StringBuilder();
            for (Entry entry : entries) {
                text.append(" ".repeat(entry.indent())).append(entry.name());
                int from = isNarrow() ? BELOW : widest + GAP;
                int gap = from - entry.width();
                if (isNarrow() || gap < GAP) {
                    text.append('\n').append(" ".repeat(from));
                } else {
                    text.append(" ".repeat(gap));
                }
                put(text, from, from, String.join(" ", entry.description()), "");
            }
            return text.toString();
        }

        // ---- lines

        private void remark(StringBuilder text, String subject, String remark) {
            int column = subject.length();
            if (columns - column < MIN_REMARK_COLUMNS) {
                column = BELOW;
                text.append(subject.stripTrailing()).append('\n').append(" ".repeat(column));
            } else {
                text.append(subject);
            }
            put(text, column, column, remark, "");
        }

        private static String plain(String line) {
            return CommandLine.Help.Ansi.OFF.string(line).replace("%n", "\n").replace("%%", "%");
        }

        /**
         * Adds words and the end of the line, with breaks at spaces alone.
         *
         * @param column where the line stands
         * @param indent where the lines behind it begin
         * @param mark ends a line that goes on
         */
        private void put(StringBuilder text, int column, int indent, String words, String mark) {
            int begin = column;
            int at = column;
            for (String word : words.split(" ")) {
                if (at > begin && at + 1 + word.length() + mark.length() > columns) {
                    text.append(mark).append('\n').append(" ".repeat(indent));
                    begin = indent;
                    at = indent;
                } else if (at > begin) {
                    text.append(' ');
                    at++;
                }
                text.append(word);
                at += word.length();
            }
            text.append('\n');
        }
    }
}
