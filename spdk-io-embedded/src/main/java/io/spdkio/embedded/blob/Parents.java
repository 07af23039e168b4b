package io.spdkio.embedded.blob;

import io.spdkio.embedded.blob.format.CorruptStoreException;

import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.OptionalLong;

/** Who is whose clone, for all blobs of a store, open or not. */
final class Parents {
    private final Map<Long, Long> parents = new HashMap<>();
    private final Map<Long, List<Long>> clones = new HashMap<>();

    Parents(Map<Long, Long> known) {
        known.forEach(this::set);
    }

    OptionalLong of(long id) {
        Long parent = parents.get(id);
        return parent == null ? OptionalLong.empty() : OptionalLong.of(parent);
    }

    List<Long> clonesOf(long id) {
        return List.copyOf(clones.getOrDefault(id, List.of()));
    }

    boolean hasClones(long id) {
        return clones.containsKey(id);
    }

    /** Whether a blob is nobody's clone and has none. */
    boolean isAlone(Long id) {
        return !parents.containsKey(id) && !clones.containsKey(id);
    }

    void set(long id, long parent) {
        remove(id);
        parents.put(id, parent);
        clones.computeIfAbsent(parent, _ -> new ArrayList<>(1)).add(id);
    }

    void remove(long id) {
        Long parent = parents.remove(id);
        if (parent != null) {
            List<Long> siblings = clones.get(parent);
            siblings.remove(Long.valueOf(id));
            if (siblings.isEmpty()) {
                clones.remove(parent);
            }
        }
    }

    /** Throws when a blob is its own ancestor, which only a damaged store can say. */
    void requireNoCycle(long id) {
        Long at = parents.get(id);
        for (int steps = 0; at != null; steps++) {
            if (at == id || steps > parents.size()) {
                throw new CorruptStoreException("blob 0x%x is a clone of itself".formatted(id));
            }
            at = parents.get(at);
        }
    }
}
