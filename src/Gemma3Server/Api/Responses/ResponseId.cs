using System.Diagnostics.CodeAnalysis;
using System.Globalization;

namespace Gemma3Server.Api.Responses;

/// <summary>The ids of a response and its items. An item's id tells its response, so that a reference to it is found without an index.</summary>
internal static class ResponseId
{
    private const string Prefix = "resp_";
    private const string ItemPrefix = "msg_";
    private const int Digits = 32;

    public static string Create() => $"{Prefix}{Guid.NewGuid():N}";

    /// <summary>The message that a response answers with.</summary>
    public static string OfOutput(string response) => ItemPrefix + response[Prefix.Length..];

    /// <summary>An item of a response's input.</summary>
    public static string OfInput(string response, int index) =>
        ItemPrefix + response[Prefix.Length..] + index.ToString("x4", CultureInfo.InvariantCulture);

    /// <summary>The response that an item belongs to; false when the id is none of ours.</summary>
    public static bool TryOfItem(string item, [NotNullWhen(true)] out string? response)
    {
        var isItem = item.StartsWith(ItemPrefix, StringComparison.Ordinal) && item.Length >= ItemPrefix.Length + Digits;
        response = isItem ? string.Concat(Prefix, item.AsSpan(ItemPrefix.Length, Digits)) : null;
        return isItem;
    }
}
