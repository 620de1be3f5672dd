using Gemma3Server.Engine.Structured;
using Gemma3Server.Engine.Structured.Automata;

namespace Gemma3Server.Engine.Sampling;

/// <summary>Candidates among the tokens that a grammar allows.</summary>
/// <remarks>
/// The result is always that of the masked row: the mask comes before every truncation. How it is found depends on what is known. Few
/// allowed tokens are looked up one by one. Otherwise the most probable tokens are tested in order until there are enough; only when too many
/// of them are refused the whole row is masked.
/// </remarks>
internal static class AllowedTokens
{
    /// <summary>Tokens that are tested besides those that are wanted: in text hardly any is refused.</summary>
    private const int Spare = 32;

    /// <summary>How many times as many are tested before the row is masked.</summary>
    private const int SecondTry = 4;

    /// <summary>The keys of the <paramref name="count"/> largest logits of allowed tokens, in any order; none when a row cannot be sampled.</summary>
    public static Span<ulong> Largest(LogitRow row, GrammarMatcher matcher, int count, SamplerScratch scratch)
    {
        var mask = matcher.KnownMask;
        if (mask?.List is { } few) return LargestOf(row, few, matcher, count, scratch);
        var maxima = BlockMaxima.Of(row, scratch);
        if (!maxima.IsUsable) return [];

        if (Test(maxima, count + Spare, mask, matcher, count, out var found)) return found;
        if (Test(maxima, SecondTry * (count + Spare), mask, matcher, count, out found)) return found;
        mask ??= matcher.Mask();
        if (mask.List is { } listed) return LargestOf(row, listed, matcher, count, scratch);
        maxima = BlockMaxima.Of(Masked(row, mask, matcher, scratch), scratch);
        return maxima.IsUsable ? maxima.Largest(count) : [];
    }

    /// <summary>The row with negative infinity for all tokens that are not allowed.</summary>
    public static LogitRow Masked(LogitRow row, GrammarMatcher matcher, SamplerScratch scratch) => Masked(row, matcher.Mask(), matcher, scratch);

    /// <summary>Tests the <paramref name="most"/> probable tokens in order; whether the result is final.</summary>
    private static bool Test(BlockMaxima maxima, int most, TokenMask? mask, GrammarMatcher matcher, int count, out Span<ulong> found)
    {
        found = maxima.Largest(most);
        var isAll = found.Length < most;
        KeySelection.SortDescending(found);
        var allowed = 0;
        for (var i = 0; i < found.Length && allowed < count; i++)
        {
            var token = LogitKey.Token(found[i]);
            if (mask is null ? matcher.Allows(token) : mask.Contains(token) || matcher.AllowsEnd(token)) found[allowed++] = found[i];
        }

        found = found[..allowed];
        return isAll || allowed == count;
    }

    private static LogitRow Masked(LogitRow row, TokenMask mask, GrammarMatcher matcher, SamplerScratch scratch)
    {
        var masked = scratch.Masked(row.Blocks * LogitRow.BlockSize);
        if (mask.List is { } list)
        {
            masked.Fill(float.NegativeInfinity);
            foreach (var token in list) masked[token] = row[token];
        }
        else
        {
            for (var block = 0; block < row.Blocks; block++)
            {
                var first = block * LogitRow.BlockSize;
                mask.Copy(row.Values(block), first, masked.Slice(first, LogitRow.BlockSize));
            }
        }

        if (matcher.MayEnd)
        {
            foreach (var token in matcher.Ends) masked[token] = row[token];
        }

        return new(masked, scratch.NoPatches(row.Blocks), []);
    }

    private static Span<ulong> LargestOf(LogitRow row, int[] tokens, GrammarMatcher matcher, int count, SamplerScratch scratch)
    {
        var ends = matcher.Ends;
        var keys = scratch.Keys(tokens.Length + ends.Length);
        var found = 0;
        foreach (var token in tokens) found = Add(row, token, keys, found);
        if (matcher.MayEnd)
        {
            foreach (var token in ends) found = Add(row, token, keys, found);
        }

        if (found < 0) return [];
        keys = keys[..found];
        if (found <= count) return keys;
        KeySelection.Largest(keys, count);
        return keys[..count];
    }

    /// <summary>Adds a token's key, if its logit counts; the new number of keys, negative for ever when a logit is no number.</summary>
    private static int Add(LogitRow row, int token, Span<ulong> keys, int found)
    {
        var logit = row[token];
        if (found < 0 || float.IsNaN(logit) || float.IsPositiveInfinity(logit)) return Sampler.NoToken;
        if (!float.IsNegativeInfinity(logit)) keys[found++] = LogitKey.Of(logit, token);
        return found;
    }
}
