package io.spdkio.embedded.tck.broken;

import static org.assertj.core.api.Assertions.assertThat;
import static org.junit.jupiter.params.provider.Arguments.arguments;
import static org.junit.platform.engine.discovery.DiscoverySelectors.selectClass;

import io.spdkio.embedded.blob.format.Images;
import io.spdkio.tck.BlobIoTck;
import io.spdkio.tck.BlobstoreTck;
import io.spdkio.tck.ConcurrencyTck;
import io.spdkio.tck.ConfinementTck;
import io.spdkio.tck.DelayBdevTck;
import io.spdkio.tck.DmaTck;
import io.spdkio.tck.EngineFixture;
import io.spdkio.tck.ErrorBdevTck;
import io.spdkio.tck.FutureTck;
import io.spdkio.tck.IoQueueTck;
import io.spdkio.tck.MallocBlockIoTck;
import io.spdkio.tck.OpenTck;
import io.spdkio.tck.PassthruBdevTck;
import io.spdkio.tck.PowerCutTck;
import io.spdkio.tck.QosTck;
import io.spdkio.tck.RpcTck;
import io.spdkio.tck.SnapshotTck;
import io.spdkio.tck.SplitTck;

import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.Arguments;
import org.junit.jupiter.params.provider.MethodSource;
import org.junit.platform.engine.FilterResult;
import org.junit.platform.engine.TestDescriptor;
import org.junit.platform.engine.TestExecutionResult;
import org.junit.platform.launcher.LauncherDiscoveryRequest;
import org.junit.platform.launcher.PostDiscoveryFilter;
import org.junit.platform.launcher.TestExecutionListener;
import org.junit.platform.launcher.TestIdentifier;
import org.junit.platform.launcher.core.LauncherDiscoveryRequestBuilder;
import org.junit.platform.launcher.core.LauncherFactory;

import java.lang.foreign.MemorySegment;
import java.util.ArrayList;
import java.util.List;
import java.util.Set;
import java.util.TreeSet;

/**
 * The suite's own test: engines that are broken on purpose fail it, in the tests meant for that defect, and the same
 * engine passes them when nothing is broken. This can't lie with the suite itself, which must not know an engine.
 */
final class BrokenEnginesTest {
    private static final Set<Class<?>> CLASSES =
            Set.of(
                    BlobIo.class,
                    Blocks.class,
                    Buffers.class,
                    Calls.class,
                    Compares.class,
                    Confined.class,
                    Delays.class,
                    Descriptors.class,
                    Errors.class,
                    Futures.class,
                    Limits.class,
                    Parts.class,
                    Passthrus.class,
                    Queues.class,
                    Snapshots.class,
                    Stores.class);

    @AfterEach
    void healAgain() {
        Defect.current = Defect.NONE;
    }

    static List<Arguments> defects() {
        return List.of(
                arguments(Defect.LOST_COMPLETION, Blocks.class, "manyOutstandingIosAllCompleteOnce"),
                arguments(Defect.DOUBLE_COMPLETION, Queues.class, "everySlotTakesOneIoAndAFullQueueSaysFalse"),
                arguments(Defect.COMPLETION_INSIDE_SUBMIT, Futures.class, "nothingCompletesInsideSubmit"),
                arguments(Defect.COMPLETION_INSIDE_SUBMIT, Queues.class, "nothingCompletesInsideSubmit"),
                arguments(Defect.OFF_BY_ONE_AT_THE_END, Blocks.class, "anIoThatEndsAtTheEndOfTheDeviceIsFine"),
                arguments(
                        Defect.ONE_BLOCK_TOO_MANY,
                        Blocks.class,
                        "aRangeThatIsUnalignedOrNotWithinTheDeviceIsThrownAtOnce"),
                arguments(Defect.STALE_DATA_AFTER_WRITE, Blocks.class, "whatWasWrittenIsRead"),
                arguments(Defect.IGNORED_RESET, Errors.class, "pendingIoStaysUntilTheDeviceIsReset"),
                arguments(Defect.IGNORED_RESET, Delays.class, "resetAbortsWhatIsDelayed"),
                arguments(
                        Defect.FLUSH_DOES_NOTHING,
                        Passthrus.class,
                        "aFlushReachesTheBaseAndCompletesNoSoonerThanItsFlush"),
                arguments(Defect.FLUSH_DOES_NOTHING, Passthrus.class, "aFailedFlushFails"),
                arguments(Defect.REVERSED_IOVECS, Blocks.class, "vectorsKeepTheirOrder"),
                arguments(Defect.IOVECS_BY_ADDRESS, Queues.class, "everyOperationDoesWhatTheDescriptorsDoes"),
                arguments(Defect.LEAKED_LEASE, Buffers.class, "aLeaseEndsWhenTheIoFails"),
                arguments(
                        Defect.LEASE_ENDS_WITH_THE_FUTURE,
                        Futures.class,
                        "cancelSettlesAtOnceAndTheBufferStaysLeasedUntilTheDeviceIsDone"),
                arguments(
                        Defect.WRONG_THREAD_ACCEPTED,
                        Confined.class,
                        "everyConfinedCallIsRefusedOnAThreadThatIsNoneOfOurs"),
                arguments(
                        Defect.WRONG_THREAD_ACCEPTED, Confined.class, "everyConfinedCallIsRefusedOnAnotherSpdkThread"),
                arguments(Defect.SWALLOWED_FAILURE, Errors.class, "theNextIosOfATypeFailAndNoMore"),
                arguments(Defect.IGNORED_ABORT, Delays.class, "aDelayedIoCanBeAborted"),
                arguments(Defect.TORN_COMPARE_AND_WRITE, Compares.class, "aPlainWriteDoesNotSlipIntoACompareAndWrite"),
                arguments(Defect.ZEROES_ONE_BLOCK_SHORT, Blocks.class, "writeZeroesZeroesItsRangeAndNoMore"),
                arguments(Defect.SILENT_REMOVAL, Descriptors.class, "removalIsToldOnTheThreadThatOpenedInALaterPoll"),
                arguments(Defect.IGNORED_LIMITS, Limits.class, "theNumberOfIosIsLimited"),
                arguments(Defect.PARTS_IN_DISORDER, Parts.class, "thePartsAreRangesOfTheBaseInOrder"),
                arguments(Defect.UNKNOWN_PARAMETERS_IGNORED, Calls.class, "aParameterThatIsNotKnownIsRefused"),
                arguments(Defect.ONE_ERROR_CODE, Calls.class, "aNameThatIsTakenFailsAndErrnoSaysSo"),
                arguments(Defect.SUPER_BLOB_FORGOTTEN, Stores.class, "theSuperBlobCanBeSetAndTakenBack"),
                arguments(Defect.CURSOR_SKIPS_BLOBS, Stores.class, "theCursorMeetsEveryBlobOnce"),
                arguments(Defect.NEVER_SHRINKS, Stores.class, "resizingTakesAndGivesBackClusters"),
                arguments(Defect.READ_ONLY_IGNORED, Stores.class, "aReadOnlyBlobTakesNoWritesAndNoChanges"),
                arguments(Defect.ATTRIBUTES_STAY, Stores.class, "attributesAreKeptInOrderAndCanBeChangedAndRemoved"),
                arguments(Defect.CLONES_ARE_COPIES, Snapshots.class, "clonesStartFromTheSnapshotAndGoTheirOwnWays"),
                arguments(Defect.SNAPSHOTS_LOSE_ATTRIBUTES, Snapshots.class, "aSnapshotKeepsWhatWasThere"),
                arguments(
                        Defect.DECOUPLING_INFLATES,
                        Snapshots.class,
                        "decouplingCopiesWhatTheParentHasAndKeepsTheGrandparent"),
                arguments(
                        Defect.UNMAP_KEEPS_CLUSTERS,
                        BlobIo.class,
                        "thinBlobsAllocateWhatIsWrittenAndGiveBackWhatIsUnmapped"),
                arguments(
                        Defect.STORE_NEVER_FLUSHES,
                        PowerCuts.class,
                        "afterACutAnywhereTheStoreIsAsBeforeOrAfterTheStep"));
    }

    @ParameterizedTest
    @MethodSource("defects")
    void aBrokenEngineFailsTheSuite(Defect defect, Class<?> tests, String expected) {
        Defect.current = defect;
        Outcome outcome = run(List.of(tests), expected);
        assertThat(outcome.run).as("tests named %s", expected).isNotEmpty();
        assertThat(outcome.failed).as("%s", defect).contains(expected);
    }

    @Test
    void theSameEngineUnbrokenPasses() {
        Defect.current = Defect.NONE;
        Outcome outcome = run(List.copyOf(CLASSES), null);
        assertThat(outcome.problems).isEmpty();
        assertThat(outcome.failed).isEmpty();
        assertThat(outcome.run).hasSizeGreaterThan(100);
    }

    @Test
    void theSameApiDecoratedButUnbrokenPasses() {
        Defect.current = Defect.NONE_BUT_DECORATED;
        Outcome outcome = run(List.of(Buffers.class, Confined.class, Futures.class), null);
        assertThat(outcome.problems).isEmpty();
        assertThat(outcome.failed).isEmpty();
        assertThat(outcome.run).hasSizeGreaterThan(50);
    }

    /** What became of a run, by the names of the test methods. */
    private record Outcome(Set<String> run, Set<String> failed, List<Throwable> problems) {}

    private static Outcome run(List<Class<?>> classes, String onlyMethod) {
        PostDiscoveryFilter filter =
                descriptor ->
                        FilterResult.includedIf(
                                onlyMethod == null || !isMethod(descriptor) || methodOf(descriptor).equals(onlyMethod));
        LauncherDiscoveryRequest request =
                LauncherDiscoveryRequestBuilder.request()
                        .selectors(classes.stream().map(type -> selectClass(type)).toList())
                        .filters(filter)
                        .build();
        Outcome outcome = new Outcome(new TreeSet<>(), new TreeSet<>(), new ArrayList<>());
        LauncherFactory.create()
                .execute(
                        request,
                        new TestExecutionListener() {
                            @Override
                            public void executionFinished(TestIdentifier test, TestExecutionResult result) {
                                String method = methodOf(test);
                                if (method != null) {
                                    outcome.run.add(method);
                                }
                                if (result.getStatus() == TestExecutionResult.Status.FAILED) {
                                    outcome.failed.add(method == null ? test.getDisplayName() : method);
                                    result.getThrowable().ifPresent(outcome.problems::add);
                                }
                            }
                        });
        return outcome;
    }

    private static boolean isMethod(TestDescriptor descriptor) {
        return descriptor.getSource().orElse(null) instanceof org.junit.platform.engine.support.descriptor.MethodSource;
    }

    private static String methodOf(TestDescriptor descriptor) {
        return ((org.junit.platform.engine.support.descriptor.MethodSource) descriptor.getSource().orElseThrow())
                .getMethodName();
    }

    private static String methodOf(TestIdentifier test) {
        return test.getSource().orElse(null) instanceof org.junit.platform.engine.support.descriptor.MethodSource method
                ? method.getMethodName()
                : null;
    }

    // ---- the classes of the suite that are run; they are not found by themselves

    static final class Blocks extends MallocBlockIoTck {
        @Override
        protected EngineFixture fixture() {
            return new BrokenFixture();
        }
    }

    static final class Buffers extends DmaTck {
        @Override
        protected EngineFixture fixture() {
            return new BrokenFixture();
        }
    }

    static final class Calls extends RpcTck {
        @Override
        protected EngineFixture fixture() {
            return new BrokenFixture();
        }
    }

    static final class Compares extends ConcurrencyTck {
        @Override
        protected EngineFixture fixture() {
            return new BrokenFixture();
        }
    }

    static final class Confined extends ConfinementTck {
        @Override
        protected EngineFixture fixture() {
            return new BrokenFixture();
        }
    }

    static final class Delays extends DelayBdevTck {
        @Override
        protected EngineFixture fixture() {
            return new BrokenFixture();
        }
    }

    static final class Descriptors extends OpenTck {
        @Override
        protected EngineFixture fixture() {
            return new BrokenFixture();
        }
    }

    static final class Errors extends ErrorBdevTck {
        @Override
        protected EngineFixture fixture() {
            return new BrokenFixture();
        }
    }

    static final class Futures extends FutureTck {
        @Override
        protected EngineFixture fixture() {
            return new BrokenFixture();
        }
    }

    static final class Limits extends QosTck {
        @Override
        protected EngineFixture fixture() {
            return new BrokenFixture();
        }
    }

    static final class Parts extends SplitTck {
        @Override
        protected EngineFixture fixture() {
            return new BrokenFixture();
        }
    }

    static final class Passthrus extends PassthruBdevTck {
        @Override
        protected EngineFixture fixture() {
            return new BrokenFixture();
        }
    }

    static final class Queues extends IoQueueTck {
        @Override
        protected EngineFixture fixture() {
            return new BrokenFixture();
        }
    }

    static final class Stores extends BlobstoreTck {
        @Override
        protected EngineFixture fixture() {
            return new BrokenFixture();
        }
    }

    static final class Snapshots extends SnapshotTck {
        @Override
        protected EngineFixture fixture() {
            return new BrokenFixture();
        }
    }

    static final class BlobIo extends BlobIoTck {
        @Override
        protected EngineFixture fixture() {
            return new BrokenFixture();
        }
    }

    /** Not among those that run unbroken: that takes a minute, and is a test of its own. */
    static final class PowerCuts extends PowerCutTck {
        @Override
        protected EngineFixture fixture() {
            return new BrokenFixture();
        }

        @Override
        protected List<String> check(MemorySegment image) {
            return Images.check(image);
        }
    }
}
