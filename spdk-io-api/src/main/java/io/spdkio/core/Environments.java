package io.spdkio.core;

import io.spdkio.CpuSet;
import io.spdkio.EngineInfo;
import io.spdkio.Errno;
import io.spdkio.SpdkEnv;
import io.spdkio.SpdkException;
import io.spdkio.spi.EngineConfig;
import io.spdkio.spi.EngineProvider;
import io.spdkio.spi.IoContext;

import java.time.Duration;
import java.util.ArrayList;
import java.util.Comparator;
import java.util.List;
import java.util.Objects;
import java.util.Optional;
import java.util.OptionalInt;
import java.util.ServiceLoader;
import java.util.concurrent.atomic.AtomicReference;
import java.util.function.BiFunction;
import java.util.function.LongSupplier;
import java.util.stream.Collectors;

/** Finds engines, and sees to it that a process has one open environment at a time. */
public final class Environments {
    /** The one piece of static state: a process has one SPDK. */
    private static final AtomicReference<String> OPEN = new AtomicReference<>();

    private static final String AUTO = "auto";
    private static final String ENGINE_PROPERTY = "spdkio.engine";

    private Environments() {}

    /**
     * Starts to describe an environment.
     *
     * @return a builder
     */
    public static SpdkEnv.Builder builder() {
        return new Builder();
    }

    /**
     * The engines there are.
     *
     * @return the preferred one first
     */
    public static List<EngineInfo> engines() {
        return found().stream().map(Found::info).toList();
    }

    static void closed() {
        OPEN.set(null);
    }

    /** A provider with what it told: to ask it means to look at the machine. */
    private record Found(EngineProvider provider, EngineInfo info) {}

    private static List<Found> found() {
        return ServiceLoader.load(EngineProvider.class, Environments.class.getClassLoader()).stream()
                .map(ServiceLoader.Provider::get)
                .map(provider -> new Found(provider, provider.info()))
                .sorted(Comparator.comparingInt((Found each) -> each.info().preference()).reversed())
                .toList();
    }

    private static List<Found> installed() {
        List<Found> all = found();
        if (all.isEmpty()) {
            throw new SpdkException.EngineUnavailable(
                    "no engine is on the class or module path; add the artifact"
                            + " io.spdkio:spdk-io-embedded, which needs nothing else");
        }
        return all;
    }

    private static Found named(String name) {
        List<Found> all = installed();
        Found named =
                all.stream()
                        .filter(each -> each.info().name().equals(name))
                        .findFirst()
                        .orElseThrow(() ->
                                new SpdkException.EngineUnavailable(
                                        "there is no engine '"
                                                + name
                                                + "' here, only "
                                                + all.stream()
                                                        .map(each -> each.info().name())
                                                        .collect(Collectors.joining(", "))
                                                + (name.equals("native") || name.equals("embedded")
                                                        ? "; add the artifact io.spdkio:spdk-io-" + name
                                                        : "")));
        named.info()
                .unavailabilityCause()
                .ifPresent(cause -> {
                    throw new SpdkException.EngineUnavailable("engine '" + name + "' can't run here: " + cause);
                });
        return named;
    }

    /** Opens the first that starts; nobody named one, so the reason says which were passed over. */
    private static SpdkEnv best(BiFunction<Found, String, SpdkEnv> open) {
        List<String> passedOver = new ArrayList<>();
        for (Found each : installed()) {
            EngineInfo info = each.info();
            if (!info.isAvailable()) {
                passedOver.add(info.name() + " can't run here: " + info.unavailabilityCause().orElseThrow());
                continue;
            }
            try {
                return open.apply(
                        each,
                        passedOver.isEmpty()
                                ? "it is the preferred one of those on the path"
                                : "it is the best one that starts here; " + String.join("; ", passedOver));
            } catch (SpdkException.EngineUnavailable e) {
                passedOver.add(info.name() + " can't start here: " + e.getMessage());
            }
        }
        throw new SpdkException.EngineUnavailable("no engine can run here; " + String.join("; ", passedOver));
    }

    private static final class Builder implements SpdkEnv.Builder {
        private String name = "spdk-io";
        private String engine = System.getProperty(ENGINE_PROPERTY, AUTO);
        private boolean isEngineFromProperty = !engine.equals(AUTO);
        private Optional<CpuSet> coreMask = Optional.empty();
        private OptionalInt mainCore = OptionalInt.empty();
        private OptionalInt memSizeMb = OptionalInt.empty();
        private int shmId = -1;
        private boolean noPci = Boolean.getBoolean("spdkio.noPci");
        private boolean noHuge = Boolean.getBoolean("spdkio.noHuge");
        private boolean singleSegments;
        private int ioPoolSize = 65_536;
        private Duration closeTimeout = Duration.ofSeconds(30);
        private LongSupplier clock = IoContext.SYSTEM_CLOCK;
        private Thread.UncaughtExceptionHandler handler =
                (thread, problem) ->
                        System.getLogger("io.spdkio")
                                .log(
                                        System.Logger.Level.ERROR,
                                        "a callback on thread '" + thread.getName() + "' threw; the thread goes on",
                                        problem);

        @Override
        public Builder name(String value) {
            if (value.isBlank()) {
                throw new IllegalArgumentException("an environment's name is not blank");
            }
            name = value;
            return this;
        }

        @Override
        public Builder engine(String value) {
            engine = Objects.requireNonNull(value, "engine");
            isEngineFromProperty = false;
            return this;
        }

        @Override
        public Builder coreMask(String value) {
            coreMask = Optional.of(CpuSet.parse(value));
            return this;
        }

        @Override
        public Builder mainCore(int core) {
            if (core < 0 || core >= CpuSet.MAX_CORES) {
                throw new IllegalArgumentException("there is no core " + core);
            }
            mainCore = OptionalInt.of(core);
            return this;
        }

        @Override
        public Builder memSizeMb(int mebibytes) {
            if (mebibytes < 1) {
                throw new IllegalArgumentException("memSizeMb is at least 1, not " + mebibytes);
            }
            memSizeMb = OptionalInt.of(mebibytes);
            return this;
        }

        @Override
        public Builder shmId(int id) {
            if (id < -1) {
                throw new IllegalArgumentException("shmId is -1 (none) or not negative, not " + id);
            }
            shmId = id;
            return this;
        }

        @Override
        public Builder noPci(boolean value) {
            noPci = value;
            return this;
        }

        @Override
        public Builder noHuge(boolean value) {
            noHuge = value;
            return this;
        }

        @Override
        public Builder hugepageSingleSegments(boolean value) {
            singleSegments = value;
            return this;
        }

        @Override
        public Builder ioPoolSize(int count) {
            if (count < 1) {
                throw new IllegalArgumentException("ioPoolSize is at least 1, not " + count);
            }
            ioPoolSize = count;
            return this;
        }

        @Override
        public Builder exceptionHandler(Thread.UncaughtExceptionHandler value) {
            handler = Objects.requireNonNull(value, "handler");
            return this;
        }

        @Override
        public Builder clock(LongSupplier nanoClock) {
            clock = Objects.requireNonNull(nanoClock, "clock");
            return this;
        }

        @Override
        public Builder closeTimeout(Duration timeout) {
            if (timeout.isNegative() || timeout.isZero()) {
                throw new IllegalArgumentException("closeTimeout must be positive, not " + timeout);
            }
            closeTimeout = timeout;
            return this;
        }

        @Override
        public SpdkEnv build() {
            mainCore.ifPresent(core ->
                    coreMask.ifPresent(mask -> {
                        if (!mask.contains(core)) {
                            throw new IllegalArgumentException("mainCore " + core + " is not in the core mask " + mask);
                        }
                    }));
            Found named = engine.equals(AUTO) ? null : named(engine);
            if (!OPEN.compareAndSet(null, name)) {
                throw new SpdkException.Busy(
                        "environment '"
                                + OPEN.get()
                                + "' is open in this process, and there can be one; share it, or close it first",
                        -Errno.EBUSY);
            }
            try {
                EngineConfig config =
                        new EngineConfig(
                                name, coreMask, mainCore, memSizeMb, shmId, noPci, noHuge, singleSegments, clock);
                BiFunction<Found, String, SpdkEnv> open =
                        (each, reason) ->
                                new CoreEnv(
                                        config,
                                        each.provider(),
                                        each.info(),
                                        reason,
                                        ioPoolSize,
                                        closeTimeout,
                                        handler);
                if (named == null) {
                    return best(open);
                }
                return open.apply(
                        named,
                        isEngineFromProperty
                                ? "the property " + ENGINE_PROPERTY + " names it"
                                : "it was asked for by name");
            } catch (Throwable e) {
                closed();
                throw e;
            }
        }
    }
}
