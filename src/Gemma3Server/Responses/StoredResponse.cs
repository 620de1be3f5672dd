using Gemma3Server.Api.Responses;

namespace Gemma3Server.Responses;

/// <summary>A response as it is kept.</summary>
internal sealed record StoredResponse
{
    /// <summary>Whose it is: a key's hash, or empty on a server without keys.</summary>
    public required string Owner { get; init; }

    /// <summary>The response; while it runs, as it began.</summary>
    public required ResponseBody Body { get; init; }

    /// <summary>The items of its own input, without those of earlier responses.</summary>
    public required IReadOnlyList<ResponseItem> Input { get; init; }

    /// <summary>The answer as it was streamed; empty while it runs.</summary>
    public IReadOnlyList<ResponseDelta> Deltas { get; init; } = [];
}
