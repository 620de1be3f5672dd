using System.Diagnostics.CodeAnalysis;
using System.Globalization;
using Gemma3Server.Api.Errors;
using Microsoft.Extensions.Primitives;

namespace Gemma3Server.Api.ChatCompletions;

/// <summary>What the headers of a chat request ask for.</summary>
internal sealed record ChatHeaders
{
    /// <summary>Request header; 1 makes parameters without effect an error.</summary>
    public const string StrictName = "x-strict";

    /// <summary>Request header; 1 makes the answer independent of the load, to the bit; without meaning where nothing is generated.</summary>
    public const string DeterministicName = "x-deterministic";

    /// <summary>Request header: seconds until the request ends with what it has.</summary>
    public const string TimeoutName = "x-request-timeout";

    /// <summary>A day: what waits longer has been forgotten by its client.</summary>
    private const double MostSeconds = 86_400;

    /// <summary>No wish at all.</summary>
    public static ChatHeaders None { get; } = new();

    public bool Strict { get; init; }

    public bool Deterministic { get; init; }

    public TimeSpan? Timeout { get; init; }

    /// <summary>The refusal of what only cells of a conversation's own give: where a row's cells lie decides the order in which they are added up.</summary>
    public static OpenAiError SharedCells => OpenAiError.OutOfRange(
        DeterministicName,
        $"The header '{DeterministicName}' must be 0 for this model, but is '1': its conversations share one pool of KV cells, where results depend on the "
        + "load in the last bits. The server's setting Runtime:SharedCells=false gives each its own.");

    /// <summary>Whether parameters without effect are an error.</summary>
    public static bool IsStrict(IHeaderDictionary headers) => headers[StrictName] == "1";

    public static bool TryRead(
        IHeaderDictionary headers, [NotNullWhen(true)] out ChatHeaders? read, [NotNullWhen(false)] out OpenAiError? error)
    {
        read = null;
        var deterministic = headers[DeterministicName];
        var timeout = headers[TimeoutName];
        double seconds = 0;
        if (deterministic.Count > 0 && deterministic.ToString() is not ("0" or "1"))
            error = Fault(DeterministicName, "1 or 0", deterministic);
        else if (timeout.Count > 0 && !TryReadSeconds(timeout.ToString(), out seconds))
            error = Fault(TimeoutName, $"a number of seconds above 0 and up to {MostSeconds}", timeout);
        else
            error = null;
        if (error is not null) return false;

        read = new()
        {
            Strict = IsStrict(headers),
            Deterministic = deterministic == "1",
            Timeout = timeout.Count > 0 ? TimeSpan.FromSeconds(seconds) : null,
        };
        return true;
    }

    // A shorter time than a millisecond says nothing and could round to none.
    private static bool TryReadSeconds(string text, out double seconds) =>
        double.TryParse(text, NumberStyles.AllowDecimalPoint, CultureInfo.InvariantCulture, out seconds) && seconds is >= 0.001 and <= MostSeconds;

    private static OpenAiError Fault(string name, string bound, StringValues given) =>
        OpenAiError.OutOfRange(name, $"The header '{name}' must be {bound}, but is '{Excerpt.Of(given.ToString())}'.");
}
