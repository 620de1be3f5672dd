using System.Buffers;

namespace Gemma3Server.Api;

/// <summary>The id of a request in <c>x-request-id</c>: the client's when it is well-formed, else a fresh one.</summary>
internal static class RequestId
{
    public const string Header = "x-request-id";

    /// <summary>Longest id that is taken over: it goes into every log line of the request.</summary>
    private const int MaxLength = 128;

    private static readonly SearchValues<char> Allowed =
        SearchValues.Create("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_.:");

    public static string Choose(string? offered) =>
        offered is { Length: > 0 and <= MaxLength } && !offered.AsSpan().ContainsAnyExcept(Allowed) ? offered : $"req_{Guid.NewGuid():N}";
}
