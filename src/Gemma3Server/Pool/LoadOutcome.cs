using Gemma3Server.Api.Errors;

namespace Gemma3Server.Pool;

/// <summary>How a load ended.</summary>
/// <param name="State">Where the model stands afterwards.</param>
/// <param name="Error">What those are told who waited; null when it is loaded, or nobody waits.</param>
internal sealed record LoadOutcome(ModelState State, OpenAiError? Error)
{
    /// <summary>It is loaded.</summary>
    public static LoadOutcome Loaded { get; } = new(ModelState.Loaded, null);

    /// <summary>Nobody waits for it any more.</summary>
    public static LoadOutcome Abandoned { get; } = new(ModelState.Unloaded, null);

    /// <summary>It waits for room, and others go first.</summary>
    public static LoadOutcome Postponed { get; } = new(ModelState.Loading, null);

    /// <summary>What threw, when it failed.</summary>
    public Exception? Cause { get; init; }

    /// <summary>It is put off; nothing is wrong with the model.</summary>
    public static LoadOutcome Refused(OpenAiError error) => new(ModelState.Unloaded, error);

    /// <summary>It cannot be loaded.</summary>
    public static LoadOutcome Failed(OpenAiError error, Exception? cause = null) => new(ModelState.Failed, error) { Cause = cause };
}
