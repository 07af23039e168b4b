package io.spdkio.libspdk;

import io.spdkio.sys.NativeException;
import io.spdkio.sys.NativeLinker;
import io.spdkio.sys.SpdkInstallation;

import org.junit.jupiter.api.extension.ConditionEvaluationResult;
import org.junit.jupiter.api.extension.ExecutionCondition;
import org.junit.jupiter.api.extension.ExtendWith;
import org.junit.jupiter.api.extension.ExtensionContext;

import java.lang.annotation.ElementType;
import java.lang.annotation.Inherited;
import java.lang.annotation.Retention;
import java.lang.annotation.RetentionPolicy;
import java.lang.annotation.Target;
import java.util.Optional;

/**
 * Links the SPDK of this machine once and runs the tests; skips them, with the reason, where there is none or no
 * compiler. With {@code -Dspdkio.native=required} they fail instead.
 */
@Target(ElementType.TYPE)
@Retention(RetentionPolicy.RUNTIME)
@Inherited
@ExtendWith(RequiresSpdk.Linked.class)
public @interface RequiresSpdk {

    /** The condition. */
    final class Linked implements ExecutionCondition {
        /** One link for all tests of this JVM; none where the cache has it. */
        private static final Optional<String> CAUSE = link();

        private static Optional<String> link() {
            try {
                var _ = NativeLinker.link(SpdkInstallation.find(), NativeLinker.Mode.AUTO, Optional.empty());
                return Optional.empty();
            } catch (NativeException e) {
                return Optional.of(e.getMessage());
            }
        }

        @Override
        public ConditionEvaluationResult evaluateExecutionCondition(ExtensionContext context) {
            if (CAUSE.isEmpty()) {
                return ConditionEvaluationResult.enabled("SPDK is linked");
            }
            if (System.getProperty("spdkio.native", "auto").equals("required")) {
                throw new IllegalStateException("-Dspdkio.native=required, but " + CAUSE.get());
            }
            return ConditionEvaluationResult.disabled(CAUSE.get());
        }
    }
}
