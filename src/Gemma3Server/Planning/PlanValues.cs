using System.Globalization;
using System.Text.RegularExpressions;

namespace Gemma3Server.Planning;

/// <summary>Reads sizes as people write them. Each method returns null and a message without the field's name where the value is wrong.</summary>
internal static partial class PlanValues
{
    /// <summary>Most users that can be planned: the native library's sequences.</summary>
    public const int MostUsers = 256;

    /// <summary>Longest context that can be planned: Gemma 3's own.</summary>
    public const int MostContext = 131_072;

    /// <summary>What the KV caches can be planned with.</summary>
    public static readonly string[] KvTypes = ["f16", "q8_0", "q4_0", "bf16", "f32"];

    private const double MostGigabytes = 4096;
    private const double MostBandwidth = 100_000;

    /// <summary>
    /// Reads memory, such as <c>24GB</c>, <c>24</c> or <c>512MB</c>. Units are binary, as in the names of cards: one of 24 GB has 24 times
    /// 2^30 bytes.
    /// </summary>
    public static long? Bytes(string text, out string? fault)
    {
        fault = null;
        if (Size.Match(text) is { Success: true } match && double.TryParse(match.Groups["number"].ValueSpan, CultureInfo.InvariantCulture, out var number))
        {
            var gigabytes = match.Groups["unit"].Value.StartsWith("m", StringComparison.OrdinalIgnoreCase) ? number / 1024 : number;
            if (gigabytes is >= 0.5 and <= MostGigabytes) return (long)(gigabytes * (1L << 30));
        }

        fault = $"must be from 512MB to {MostGigabytes}GB, such as 24GB, but is '{text}'";
        return null;
    }

    /// <summary>Reads a number of tokens, such as <c>16k</c> (16 times 1024) or <c>16384</c>.</summary>
    public static int? Context(string text, out string? fault) => Count(text, MostContext, "a number of tokens such as 8192 or 16k", out fault);

    /// <summary>Reads a number of users.</summary>
    public static int? Users(string text, out string? fault) => Count(text, MostUsers, "a whole number", out fault);

    /// <summary>Reads a type of the KV caches.</summary>
    public static string? Kv(string text, out string? fault)
    {
        var known = Array.Find(KvTypes, type => type.Equals(text, StringComparison.OrdinalIgnoreCase));
        fault = known is null ? $"must be one of {string.Join(", ", KvTypes)}, but is '{text}'" : null;
        return known;
    }

    /// <summary>Reads a bandwidth in GB a second.</summary>
    public static double? Bandwidth(string text, out string? fault)
    {
        fault = null;
        if (double.TryParse(text, NumberStyles.AllowDecimalPoint, CultureInfo.InvariantCulture, out var number) && number is >= 1 and <= MostBandwidth) return number;
        fault = $"must be from 1 to {MostBandwidth} GB a second, but is '{text}'";
        return null;
    }

    private static int? Count(string text, int most, string what, out string? fault)
    {
        fault = null;
        var thousands = text.EndsWith("k", StringComparison.OrdinalIgnoreCase);
        if (int.TryParse(thousands ? text[..^1] : text, NumberStyles.None, CultureInfo.InvariantCulture, out var number)
            && (thousands ? number * 1024L : number) is >= 1 and var count && count <= most && (!thousands || most == MostContext))
        {
            return (int)count;
        }

        fault = $"must be {what} from 1 to {most}, but is '{text}'";
        return null;
    }

    [GeneratedRegex(@"^(?<number>\d{1,9}(\.\d{1,6})?)\s?(?<unit>(g|m)(i?b)?)?$", RegexOptions.IgnoreCase)]
    private static partial Regex Size { get; }
}
