package io.spdkio.cli;

import picocli.CommandLine;
import picocli.CommandLine.Model.ArgSpec;
import picocli.CommandLine.Model.CommandSpec;
import picocli.CommandLine.Model.OptionSpec;
import picocli.CommandLine.Model.PositionalParamSpec;
import picocli.CommandLine.Model.UsageMessageSpec;

import java.util.List;
import java.util.Map;

/** Lays help out for the width of the terminal. picocli's own layout needs 55 columns; below that this one is used. */
final class Help {
    private static final int MIN_COLUMNS_OF_PICOCLI = 55;
    private static final int MAX_COLUMNS = 100;

    private Help() {}

    static void install(CommandLine line, int columns) {
        if (columns >= MIN_COLUMNS_OF_PICOCLI) {
            line.setUsageHelpWidth(Math.min(columns, MAX_COLUMNS));
            line.setUsageHelpLongOptionsMaxWidth(30);
        } else {
            line.setHelpFactory((spec, scheme) -> new Narrow(spec, scheme, columns));
        }
    }

    /** One thing below the other. */
    private static final class Narrow extends CommandLine.Help {
        private final CommandSpec spec;
        private final int columns;

        Narrow(CommandSpec spec, ColorScheme scheme, int columns) {
            super(spec, scheme);
            this.spec = spec;
            this.columns = columns;
        }

        @Override
        public Map<String, CommandLine.Help> subcommands() {
            return super.subcommands();
        }

        String text() {
            UsageMessageSpec usage = spec.usageMessage();
            StringBuilder text = new StringBuilder();
            String arguments = spec.subcommands().isEmpty() ? " [OPTIONS]" : " [OPTIONS] COMMAND";
            put(text, "", "Usage: " + spec.qualifiedName() + arguments);
            for (String line : usage.description()) {
                put(text, "", plain(line));
            }
            for (PositionalParamSpec parameter : spec.positionalParameters()) {
                put(text, "  ", parameter.paramLabel());
                describe(text, parameter);
            }
            for (OptionSpec option : spec.options()) {
                if (!option.hidden()) {
                    String names = String.join(", ", option.names());
                    put(text, "  ", option.typeInfo().isBoolean() ? names : names + "=" + option.paramLabel());
                    describe(text, option);
                }
            }
            spec.subcommands()
                    .forEach((name, command) -> {
                        put(text, "  ", name);
                        for (String line : command.getCommandSpec().usageMessage().description()) {
                            put(text, "      ", plain(line));
                        }
                    });
            for (String line : usage.footer()) {
                put(text, line.startsWith("  ") ? "  " : "", plain(line).strip());
            }
            return text.toString();
        }

        private void describe(StringBuilder text, ArgSpec arg) {
            for (String line : arg.description()) {
                String value = arg.defaultValue() == null ? "none" : arg.defaultValue();
                put(
                        text,
                        "      ",
                        plain(line)
                                .replace("${DEFAULT-VALUE}", value)
                                .replace("${COMPLETION-CANDIDATES}", candidates(arg)));
            }
        }

        private static String candidates(ArgSpec arg) {
            return arg.completionCandidates() == null ? "" : String.join(", ", arg.completionCandidates());
        }

        private static String plain(String line) {
            return CommandLine.Help.Ansi.OFF.string(line).replace("%n", "\n").replace("%%", "%");
        }

        private void put(StringBuilder text, String indent, String line) {
            for (String part : line.split("\n", -1)) {
                int column = indent.length();
                text.append(indent);
                for (String word : part.split(" ")) {
                    if (column > indent.length() && column + 1 + word.length() > columns) {
                        text.append('\n').append(indent);
                        column = indent.length();
                    } else if (column > indent.length()) {
                        text.append(' ');
                        column++;
                    }
                    text.append(word);
                    column += word.length();
                }
                text.append('\n');
            }
        }

        // picocli prints the sections one after the other; the first of them prints it all.
        @Override
        public String synopsisHeading(Object... params) {
            return "";
        }

        @Override
        public String synopsis(int headingLength) {
            return text();
        }

        @Override
        public String descriptionHeading(Object... params) {
            return "";
        }

        @Override
        public String description(Object... params) {
            return "";
        }

        @Override
        public String parameterListHeading(Object... params) {
            return "";
        }

        @Override
        public String parameterList() {
            return "";
        }

        @Override
        public String parameterList(List<PositionalParamSpec> parameters) {
            return "";
        }

        @Override
        public String optionListHeading(Object... params) {
            return "";
        }

        @Override
        public String optionList() {
            return "";
        }

        @Override
        public String commandListHeading(Object... params) {
            return "";
        }

        @Override
        public String commandList() {
            return "";
        }

        @Override
        public String footerHeading(Object... params) {
            return "";
        }

        @Override
        public String footer(Object... params) {
            return "";
        }
    }
}
