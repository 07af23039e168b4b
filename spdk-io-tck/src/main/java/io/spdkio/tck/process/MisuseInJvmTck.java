package io.spdkio.tck.process;

import static org.assertj.core.api.Assertions.assertThat;

import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.EnumSource;

import java.util.List;

/** No misuse of the public API crashes the JVM: each in a JVM of its own, which must live on and end by itself. */
@Timeout(120)
public abstract class MisuseInJvmTck extends ProcessTck {
    /** For the subclasses. */
    protected MisuseInJvmTck() {}

    @ParameterizedTest
    @EnumSource(Misuses.class)
    void aMisuseIsAnExceptionAndTheJvmLivesOn(Misuses misuse) throws Exception {
        try (ChildJvm child = start(Misuses.Program.class, misuse.name())) {
            List<String> output = child.allOutput();
            assertThat(child.exitCode()).as("%s", output).isZero();
            assertThat(output).anyMatch(line -> line.startsWith("threw as expected"));
            assertThat(output).contains("done");
            assertThat(output).noneMatch(line -> line.contains("SIGSEGV") || line.contains("fatal error"));
        }
    }
}
