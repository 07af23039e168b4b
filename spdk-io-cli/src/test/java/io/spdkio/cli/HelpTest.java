package io.spdkio.cli;

import static org.assertj.core.api.Assertions.assertThat;

import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

import java.util.Arrays;
import java.util.List;
import java.util.regex.Matcher;
import java.util.regex.Pattern;

class HelpTest {
    @ParameterizedTest
    @ValueSource(
            strings = {
                "",
                "perf ",
                "dd ",
                "bdev ",
                "bdev list ",
                "bdev info ",
                "blob ",
                "blob init ",
                "blob load ",
                "blob ls ",
                "blob show ",
                "blob create ",
                "blob rm ",
                "blob resize ",
                "blob read ",
                "blob write ",
                "blob import ",
                "blob export ",
                "blob xattr ",
                "blob xattr get ",
                "blob xattr set ",
                "blob xattr rm ",
                "blob xattr ls ",
                "blob snapshot ",
                "blob clone ",
                "blob inflate ",
                "blob decouple ",
                "blob dump ",
                "blob check ",
                "native ",
                "native link ",
                "doctor ",
                "completion "
            })
    void everyCommandHasHelpThatFitsTheTerminal(String command) {
        for (int columns : new int[] {40, 60, 80, 200}) {
            Ran ran = Ran.inColumns(columns, (command + "--help").split(" ")).succeeded();

            assertThat(ran.out()).startsWith("Usage: spdk-io " + command.strip());
            // A word that is too long is not broken.
            assertThat(ran.out().lines().filter(line -> line.strip().contains(" ") && !line.endsWith("' \\")))
                    .allSatisfy(line -> assertThat(line.length()).isLessThanOrEqualTo(columns));
            assertThat(Ran.inColumns(columns, (command + "-h").split(" ")).out()).isEqualTo(ran.out());
        }
    }

    @ParameterizedTest
    @ValueSource(strings = {"perf", "dd", "blob", "blob init", "blob xattr set", "native link", "bdev list"})
    void wordsAreNotBroken(String command) {
        String[] help = (command + " --help").split(" ");
        List<String> words = wordsBehindSynopsis(Ran.inColumns(200, help).out());
        assertThat(words).hasSizeGreaterThan(20);
        for (int columns : new int[] {40, 60, 80}) {
            assertThat(wordsBehindSynopsis(Ran.inColumns(columns, help).out())).isEqualTo(words);
        }
    }

    private static List<String> wordsBehindSynopsis(String help) {
        Matcher description = Pattern.compile("^[A-Z](?!sage:)", Pattern.MULTILINE).matcher(help);
        assertThat(description.find()).isTrue();
        // A backslash continues an example that is to be pasted.
        return Arrays.stream(help.substring(description.start()).split("\\s+")).filter(it -> !it.equals("\\")).toList();
    }

    @Test
    void narrowHelpTellsTheSameOptions() {
        String wide = Ran.inColumns(80, "perf", "--help").out();
        String narrow = Ran.inColumns(40, "perf", "--help").out();

        for (String option :
                "--bdev --rw --io-size --queue-depth --time --threads --mix --api --engine --memory --core-mask --seed --json --html"
                        .split(" ")) {
            assertThat(wide).contains(option + "=");
            assertThat(narrow).contains(option);
        }
        assertThat(narrow).contains("(default", "4k").doesNotContain("${");
    }

    @Test
    void versionNamesTheCommandAndTheJvm() {
        for (String option : new String[] {"--version", "-V"}) {
            Ran ran = Ran.with(option).succeeded();

            assertThat(ran.out().lines()).hasSize(2);
            assertThat(ran.out()).startsWith("spdk-io ").contains("Java " + Runtime.version());
        }
        assertThat(Ran.with("perf", "--version").succeeded().out()).isEqualTo(Ran.with("--version").out());
    }

    @Test
    void completionIsAScriptThatKnowsEveryCommand() {
        Ran ran = Ran.with("completion").succeeded();

        assertThat(ran.out())
                .contains(
                        "complete -F",
                        "perf",
                        "dd",
                        "bdev",
                        "blob",
                        "decouple",
                        "--cluster-size",
                        "write-zeroes",
                        "doctor",
                        "--queue-depth",
                        "randread");
        assertThat(ran.out()).doesNotContain("warm-start");
    }
}
