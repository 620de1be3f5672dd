namespace Gemma3Server.Engine;

/// <summary>Where guesses at the next tokens come from. None of them changes what is generated, only how soon.</summary>
public enum SpeculationMode
{
    /// <summary>Nothing is guessed.</summary>
    Off,

    /// <summary>From what stands in prompt, completion and the client's prediction.</summary>
    Lookup,

    /// <summary>From the client's prediction and the draft model.</summary>
    Draft,

    /// <summary>From all of these, as far as they are there.</summary>
    Auto,
}
