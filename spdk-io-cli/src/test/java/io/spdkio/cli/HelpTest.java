package io.spdkio.cli;

import static org.assertj.core.api.Assertions.assertThat;

import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

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
            assertThat(ran.out().lines().filter(line -> !line.contains("/")))
                    .allSatisfy(line -> assertThat(line.length()).isLessThanOrEqualTo(columns));
            assertThat(Ran.inColumns(columns, (command + "-h").split(" ")).out()).isEqualTo(ran.out());
        }
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
