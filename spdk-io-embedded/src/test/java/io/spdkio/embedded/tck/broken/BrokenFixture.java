package io.spdkio.embedded.tck.broken;

import io.spdkio.SpdkEnv;
import io.spdkio.tck.EngineFixture;

import java.time.Duration;

/** Opens the engine with the defect that is at work. */
final class BrokenFixture implements EngineFixture {
    @Override
    public String engineName() {
        return BrokenProvider.NAME;
    }

    @Override
    public SpdkEnv open(SpdkEnv.Builder builder) {
        SpdkEnv env = builder.build();
        return switch (Defect.current) {
            case NONE_BUT_DECORATED, LEAKED_LEASE, LEASE_ENDS_WITH_THE_FUTURE, WRONG_THREAD_ACCEPTED ->
                    BrokenApi.decorate(env, Defect.current);
            default -> env;
        };
    }

    @Override
    public Duration patience() {
        return Defect.current == Defect.NONE || Defect.current == Defect.NONE_BUT_DECORATED
                ? Duration.ofSeconds(20)
                : Duration.ofSeconds(2);
    }
}
