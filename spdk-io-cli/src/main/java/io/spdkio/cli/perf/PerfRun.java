package io.spdkio.cli.perf;

import io.spdkio.CpuSet;
import io.spdkio.JoinHandle;
import io.spdkio.SpdkEnv;
import io.spdkio.SpdkException;
import io.spdkio.SpdkThread;
import io.spdkio.bdev.Bdev;
import io.spdkio.bdev.ByteSize;
import io.spdkio.cli.CliException;
import io.spdkio.cli.DeviceSpecs;

import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicReferenceArray;

/** Runs a workload: opens the environment, starts the threads, takes samples while they work. */
final class PerfRun {
    private static final long SAMPLE_NANOS = TimeUnit.MILLISECONDS.toNanos(100);

    /** Told of each sample: seconds since the measurement began (negative while warming up), and the sample. */
    interface Watcher {
        void onFirstIo();

        void onSample(double iops, double seconds, boolean warmingUp);
    }

    private final PerfSettings settings;
    private final Watcher watcher;
    private final Phase phase = new Phase();
    private final List<Sample> samples = new ArrayList<>();

    PerfRun(PerfSettings settings, Watcher watcher) {
        this.settings = settings;
        this.watcher = watcher;
    }

    /** Ends the run early; what was measured by then is reported. May be called from any thread. */
    void stop() {
        phase.now = Phase.STOP;
    }

    PerfResult run() throws InterruptedException {
        DeviceSpecs specs = new DeviceSpecs();
        boolean readOnly = !settings.workload().writes();
        settings.specs()
                .forEach(text -> {
                    boolean blob = BlobTarget.isSpec(text);
                    specs.add(blob ? BlobTarget.deviceOf(text) : text, readOnly && !blob);
                });
        try (SpdkEnv env =
                settings.environment()
                        .open("perf", builder -> builder.exceptionHandler((_, problem) -> phase.fail(problem)))) {
            List<Bdev> bdevs = specs.create(env);
            // The metadata thread of stores. It is not polled during the run, where nothing needs it.
            try (SpdkThread thread = env.attachThread("perf");
                    Targets targets = new Targets(env, thread, bdevs)) {
                List<WorkerResult> results = work(env, targets.all);
                if (phase.problem() != null) {
                    throw sneaky(phase.problem());
                }
                return new PerfResult(
                        settings,
                        env.engine().name(),
                        settings.environment().describe(env),
                        env.engine().description(),
                        env.engineReason(),
                        results,
                        samples);
            }
        }
    }

    /** What the specs say. */
    private final class Targets implements AutoCloseable {
        final List<Target> all = new ArrayList<>();

        Targets(SpdkEnv env, SpdkThread thread, List<Bdev> bdevs) {
            for (int i = 0; i < bdevs.size(); i++) {
                String text = settings.specs().get(i);
                Bdev bdev = bdevs.get(i);
                all.add(BlobTarget.isSpec(text) ? BlobTarget.make(env, thread, bdev, text) : new DeviceTarget(bdev));
                check(all.getLast(), text);
            }
        }

        @Override
        public void close() {
            all.forEach(Target::close);
        }
    }

    private static RuntimeException sneaky(Throwable problem) {
        if (problem instanceof Error e) {
            throw e;
        }
        return problem instanceof RuntimeException e ? e : CliException.failed(problem.getMessage(), problem);
    }

    private void check(Target target, String spec) {
        if (settings.workload().writes() && !target.canWrite()) {
            throw CliException.usage(
                    spec + " can only be read, and --rw " + settings.workload() + " writes; use --rw randread or read");
        }
        int size = settings.ioSizeBytes();
        if (size % target.blockSize() != 0) {
            throw CliException.usage(
                    "--io-size %d is not a multiple of the block size of %s, %d; use --io-size %d"
                            .formatted(
                                    size,
                                    spec,
                                    target.blockSize(),
                                    Math.ceilDiv(size, target.blockSize()) * target.blockSize()));
        }
        int sharing = settings.workload().isRandom() ? 1 : Math.ceilDiv(settings.threads(), settings.specs().size());
        if (target.sizeBytes() / size < sharing) {
            throw CliException.usage(
                    "%s has %s: too small for %d thread%s with I/Os of %s; make it larger"
                            .formatted(
                                    spec,
                                    ByteSize.format(target.sizeBytes()),
                                    sharing,
                                    sharing == 1 ? "" : "s",
                                    settings.sizeText()));
        }
    }

    private List<WorkerResult> work(SpdkEnv env, List<Target> targets) throws InterruptedException {
        int threads = settings.threads();
        CountDownLatch firstIo = new CountDownLatch(1);
        CountDownLatch opened = new CountDownLatch(threads);
        CountDownLatch warm = new CountDownLatch(threads);
        AtomicReferenceArray<Worker> workers = new AtomicReferenceArray<>(threads);
        List<JoinHandle<WorkerResult>> handles = new ArrayList<>();
        try {
            for (int i = 0; i < threads; i++) {
                int index = i;
                int device = i % targets.size();
                int shares = Math.ceilDiv(threads - device, targets.size());
                handles.add(
                        spawn(
                                env,
                                i,
                                thread -> {
                                    WorkerContext context =
                                            new WorkerContext(
                                                    thread,
                                                    env.dma(),
                                                    targets.get(device),
                                                    settings.specs().get(device),
                                                    settings,
                                                    phase,
                                                    index,
                                                    index / targets.size(),
                                                    shares);
                                    try {
                                        Worker worker = context.newWorker();
                                        workers.set(index, worker);
                                        opened.countDown();
                                        WorkerResult result = worker.run(firstIo, warm);
                                        worker.close();
                                        return result;
                                    } catch (Throwable e) {
                                        phase.fail(e);
                                        throw e;
                                    } finally {
                                        opened.countDown();
                                        firstIo.countDown();
                                        warm.countDown();
                                    }
                                }));
            }
            firstIo.await();
            watcher.onFirstIo();
            // Loads the classes that the measurement needs.
            long _ = Allocations.ofThisThread();
            opened.await();
            watch(workers, settings.warmUpSeconds(), true);
            if (phase.now == Phase.WARM_UP) {
                phase.now = Phase.MEASURE;
                warm.await();
                watch(workers, settings.seconds(), false);
            }
            phase.now = Phase.STOP;
        } catch (Throwable e) {
            phase.fail(e);
            throw e;
        }
        List<WorkerResult> results = new ArrayList<>();
        for (JoinHandle<WorkerResult> handle : handles) {
            CompletableFuture<WorkerResult> result = handle.result();
            if (phase.problem() == null) {
                results.add(handle.join());
            } else {
                // The first problem is reported, not what followed from it.
                result.handle((_, _) -> null).join();
            }
        }
        return results;
    }

    /** Pinned from the last core down: the first one has the interrupts, and the rest of this process to run. */
    private JoinHandle<WorkerResult> spawn(
            SpdkEnv env, int index, java.util.function.Function<SpdkThread, WorkerResult> body) {
        List<Integer> cores = env.cores().cores();
        String name = "worker-" + index;
        if (settings.threads() <= cores.size()) {
            try {
                return env.spawnThread(name, CpuSet.of(cores.get(cores.size() - 1 - index)), body);
            } catch (SpdkException.Unsupported e) {
                // Not on this system.
            }
        }
        return env.spawnThread(name, body);
    }

    private void watch(AtomicReferenceArray<Worker> workers, double seconds, boolean warmingUp)
            throws InterruptedException {
        int phaseThen = phase.now;
        long begin = System.nanoTime();
        long end = begin + (long) (seconds * 1e9);
        long last = begin;
        long lastIos = sum(workers);
        while (phase.now == phaseThen && phaseThen != Phase.STOP) {
            long left = end - System.nanoTime();
            if (left <= 0) {
                break;
            }
            // The last sample is not a short one.
            TimeUnit.NANOSECONDS.sleep(left < SAMPLE_NANOS * 3 / 2 ? left : SAMPLE_NANOS);
            long now = System.nanoTime();
            long ios = sum(workers);
            double iops = Math.max(0, ios - lastIos) * 1e9 / Math.max(1, now - last);
            if (!warmingUp) {
                samples.add(new Sample(((last + now) / 2.0 - begin) / 1e9, iops));
            }
            watcher.onSample(iops, (now - begin) / 1e9, warmingUp);
            last = now;
            lastIos = ios;
        }
    }

    private static long sum(AtomicReferenceArray<Worker> workers) {
        long sum = 0;
        for (int i = 0; i < workers.length(); i++) {
            Worker worker = workers.get(i);
            sum += worker == null ? 0 : worker.published();
        }
        return sum;
    }
}
