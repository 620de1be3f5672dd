namespace Gemma3Server.EndToEndTests;

/// <summary>The eight largest logits of one step, descending.</summary>
internal sealed class TopLogits
{
    private const int Count = 8;

    private readonly (int Token, float Logit)[] _top;

    private TopLogits((int Token, float Logit)[] top) => _top = top;

    /// <summary>The greedy choice.</summary>
    public int Winner => _top[0].Token;

    public static TopLogits Of(ReadOnlySpan<float> logits)
    {
        var top = new (int Token, float Logit)[Count];
        Array.Fill(top, (-1, float.NegativeInfinity));
        for (var token = 0; token < logits.Length; token++)
        {
            if (logits[token] <= top[^1].Logit) continue;
            var at = Count - 1;
            for (; at > 0 && logits[token] > top[at - 1].Logit; at--) top[at] = top[at - 1];
            top[at] = (token, logits[token]);
        }

        return new(top);
    }

    /// <summary>How far a token's logit lies under the winner's; infinite when it is not among the eight.</summary>
    public float Below(int token)
    {
        var at = Array.FindIndex(_top, entry => entry.Token == token);
        return at < 0 ? float.PositiveInfinity : _top[0].Logit - _top[at].Logit;
    }

    /// <summary>
    /// Largest difference between what two computations of one step gave the same token, over the tokens that both have among their
    /// eight; infinite where the winner of one is not among the other's.
    /// </summary>
    public float Distance(TopLogits other)
    {
        if (float.IsInfinity(Below(other.Winner)) || float.IsInfinity(other.Below(Winner))) return float.PositiveInfinity;
        return _top.Join(other._top, a => a.Token, b => b.Token, (a, b) => MathF.Abs(a.Logit - b.Logit)).Max();
    }
}
