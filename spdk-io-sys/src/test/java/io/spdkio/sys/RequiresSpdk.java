package io.spdkio.sys;

import org.junit.jupiter.api.extension.ConditionEvaluationResult;
import org.junit.jupiter.api.extension.ExecutionCondition;
import org.junit.jupiter.api.extension.ExtendWith;
import org.junit.jupiter.api.extension.ExtensionContext;

import java.lang.annotation.ElementType;
import java.lang.annotation.Retention;
import java.lang.annotation.RetentionPolicy;
import java.lang.annotation.Target;
import java.nio.file.Path;
import java.util.Optional;

/**
 * Links the SPDK of this machine once and runs the tests; skips them, with the reason, where there is none or no
 * compiler. With {@code -Dspdkio.native=required} they fail instead.
 */
@Target(ElementType.TYPE)
@Retention(RetentionPolicy.RUNTIME)
@ExtendWith(RequiresSpdk.Linked.class)
@interface RequiresSpdk {

    final class Linked implements ExecutionCondition {
        @Override
        public ConditionEvaluationResult evaluateExecutionCondition(ExtensionContext context) {
            Optional<String> cause = Link.CAUSE;
            if (cause.isEmpty()) {
                return ConditionEvaluationResult.enabled("SPDK is linked into " + Link.library());
            }
            if (System.getProperty("spdkio.native", "auto").equals("required")) {
                throw new IllegalStateException("-Dspdkio.native=required, but " + cause.get());
            }
            return ConditionEvaluationResult.disabled(cause.get());
        }
    }

    /** One link for all tests. */
    final class Link {
        static final Optional<String> CAUSE = link();
        private static NativeLinker.Result result;

        private Link() {}

        static Path library() {
            return result.library();
        }

        static NativeLinker.Result result() {
            return result;
        }

        private static Optional<String> link() {
            try {
                result = NativeLinker.link(SpdkInstallation.find(), NativeLinker.Mode.AUTO, Optional.empty());
                return Optional.empty();
            } catch (NativeException e) {
                return Optional.of(e.getMessage());
            }
        }
    }
}
