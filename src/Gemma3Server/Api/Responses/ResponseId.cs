using System.Diagnostics.CodeAnalysis;
using System.Globalization;

namespace Gemma3Server.Api.Responses;

/// <summary>The ids of a response and its items. An item's id tells its response, so that a reference to it is found without an index.</summary>
internal static class ResponseId
{
    private const string Prefix = "resp_";
    private static readonly string[] ItemPrefixes = ["msg_", "fc_", "fco_"];
    private const int Digits = 32;

    public static string Create() => $"{Prefix}{Guid.NewGuid():N}";

    /// <summary>The message that a response answers with.</summary>
    public static string OfOutput(string response) => ItemPrefixes[0] + response[Prefix.Length..];

    /// <summary>A call that a response answers with.</summary>
    public static string OfCall(string response, int index) =>
        $"{ItemPrefixes[1]}{response[Prefix.Length..]}c{index.ToString("x4", CultureInfo.InvariantCulture)}";

    /// <summary>An item of a response's input.</summary>
    public static string OfInput(string response, int index, string type) =>
        ItemPrefixes[type switch { ResponseItem.FunctionCall => 1, ResponseItem.FunctionCallOutput => 2, _ => 0 }] + response[Prefix.Length..] + index.ToString("x4", CultureInfo.InvariantCulture);

    /// <summary>The response that an item belongs to; false when the id is none of ours.</summary>
    public static bool TryOfItem(string item, [NotNullWhen(true)] out string? response)
    {
        var prefix = Array.Find(ItemPrefixes, prefix => item.StartsWith(prefix, StringComparison.Ordinal));
        var isItem = prefix is not null && item.Length >= prefix.Length + Digits;
        response = isItem ? string.Concat(Prefix, item.AsSpan(prefix!.Length, Digits)) : null;
        return isItem;
    }
}
