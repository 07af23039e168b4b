package io.spdkio;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatExceptionOfType;

import org.junit.jupiter.api.Test;

/** This module's tests run with no engine on the path. */
class NoEngineTest {
    @Test
    void withoutAnEngineTheMessageNamesTheArtifactToAdd() {
        assertThat(SpdkEnv.engines()).isEmpty();
        assertThatExceptionOfType(SpdkException.EngineUnavailable.class)
                .isThrownBy(SpdkEnv::open)
                .withMessageContaining("io.spdkio:spdk-io-embedded");
        assertThatExceptionOfType(SpdkException.EngineUnavailable.class)
                .isThrownBy(() -> SpdkEnv.builder().engine("native").build())
                .withMessageContaining("io.spdkio:spdk-io-embedded");
    }
}
