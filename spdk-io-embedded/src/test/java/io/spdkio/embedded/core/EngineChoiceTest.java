package io.spdkio.embedded.core;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import io.spdkio.SpdkEnv;
import io.spdkio.SpdkException;

import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;

import java.util.function.Supplier;

/** Which engine is taken when the preferred one is there and does not start. */
class EngineChoiceTest {
    private static final String PROPERTY = "spdkio.engine";
    private static final String CAUSE = "it has no memory; give it some";

    private final String before = System.getProperty(PROPERTY);

    private static void refuseWith(Supplier<RuntimeException> problem) {
        ReluctantProvider.problem = problem;
    }

    @AfterEach
    void asBefore() {
        ReluctantProvider.problem = null;
        if (before == null) {
            System.clearProperty(PROPERTY);
        } else {
            System.setProperty(PROPERTY, before);
        }
    }

    @Test
    void autoGoesOnToTheNextAndTheReasonSaysWhy() {
        refuseWith(() -> new SpdkException.EngineUnavailable(CAUSE));
        try (SpdkEnv env = SpdkEnv.builder().engine("auto").build()) {
            assertThat(env.engine().name()).isEqualTo("embedded");
            assertThat(env.engineReason()).contains("reluctant can't start", CAUSE);
        }
    }

    @Test
    void theReasonNamesNoneThatIsLessPreferred() {
        try (SpdkEnv env = SpdkEnv.builder().engine("auto").build()) {
            assertThat(env.engine().name()).isEqualTo("embedded");
            assertThat(env.engineReason()).doesNotContain("reluctant");
        }
    }

    @Test
    void autoPassesNothingOverForAnyOtherProblem() {
        refuseWith(() -> new IllegalArgumentException("core 99"));
        assertThatThrownBy(() -> SpdkEnv.builder().engine("auto").build())
                .isInstanceOf(IllegalArgumentException.class)
                .hasMessage("core 99");
        refuseWith(() -> new SpdkException.Busy("started otherwise", -16));
        assertThatThrownBy(() -> SpdkEnv.builder().engine("auto").build()).isInstanceOf(SpdkException.Busy.class);
        SpdkEnv.builder().engine("embedded").build().close();
    }

    @Test
    void anEngineThatIsNamedIsNeverReplaced() {
        refuseWith(() -> new SpdkException.EngineUnavailable(CAUSE));
        assertThatThrownBy(() -> SpdkEnv.builder().engine(ReluctantProvider.NAME).build())
                .isInstanceOf(SpdkException.EngineUnavailable.class)
                .hasMessage(CAUSE);
        SpdkEnv.builder().engine("embedded").build().close();
    }

    @Test
    void aPropertyNamesTheEngineOfProgramsThatDoNot() {
        refuseWith(() -> new SpdkException.EngineUnavailable(CAUSE));
        System.setProperty(PROPERTY, "embedded");
        try (SpdkEnv env = SpdkEnv.open()) {
            assertThat(env.engine().name()).isEqualTo("embedded");
            assertThat(env.engineReason()).contains(PROPERTY);
        }
        System.setProperty(PROPERTY, ReluctantProvider.NAME);
        assertThatThrownBy(SpdkEnv::open).hasMessage(CAUSE);
        try (SpdkEnv env = SpdkEnv.builder().engine("embedded").build()) {
            assertThat(env.engineReason()).contains("by name");
        }
    }
}
