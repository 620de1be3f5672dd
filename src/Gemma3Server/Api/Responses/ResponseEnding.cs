namespace Gemma3Server.Api.Responses;

/// <summary>How a response ended.</summary>
/// <param name="Status">A state that does not change any more.</param>
/// <param name="Usage">Token counts; null when the prompt was not computed.</param>
/// <param name="CompletedAt">When it was completed.</param>
/// <param name="Error">Why it failed.</param>
/// <param name="Details">Why it is incomplete.</param>
internal sealed record ResponseEnding(
    string Status, ResponseUsage? Usage, long? CompletedAt = null, ResponseErrorBody? Error = null, ResponseIncompleteDetails? Details = null)
{
    /// <summary>That of a response that has ended.</summary>
    public static ResponseEnding Of(ResponseBody body) => new(body.Status, body.Usage, body.CompletedAt, body.Error, body.IncompleteDetails);
}
