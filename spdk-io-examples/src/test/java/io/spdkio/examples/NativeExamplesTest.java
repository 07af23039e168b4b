package io.spdkio.examples;

import io.spdkio.sys.NativeException;
import io.spdkio.sys.NativeLinker;
import io.spdkio.sys.SpdkInstallation;

import org.junit.jupiter.api.Assumptions;
import org.junit.jupiter.api.BeforeAll;

import java.util.Map;
import java.util.Optional;

/** In ordinary memory; skipped with the reason where SPDK can't be linked, unless {@code -Dspdkio.native=required}. */
class NativeExamplesTest extends ExamplesTest {
    NativeExamplesTest() {
        super(Map.of("spdkio.engine", "native", "spdkio.noHuge", "true", "spdkio.noPci", "true"));
    }

    @BeforeAll
    static void link() {
        try {
            var _ = NativeLinker.link(SpdkInstallation.find(), NativeLinker.Mode.AUTO, Optional.empty());
        } catch (NativeException e) {
            if (System.getProperty("spdkio.native", "auto").equals("required")) {
                throw e;
            }
            Assumptions.abort(e.getMessage());
        }
    }
}
