package io.spdkio;

import java.util.Optional;

/**
 * What is known about an engine on this machine.
 *
 * @param name {@code native} or {@code embedded}
 * @param description what it is and which parts it found, for a person
 * @param preference which one is taken when the user names none: the available one with the highest value
 * @param unavailabilityCause why it can't run here and what to do about it; empty when it can
 */
public record EngineInfo(String name, String description, int preference, Optional<String> unavailabilityCause) {
    /**
     * Whether the engine can run here.
     *
     * @return true if it can
     */
    public boolean isAvailable() {
        return unavailabilityCause.isEmpty();
    }
}
