namespace Gemma3Server.Benchmarks.Load;

/// <summary>Sizes of the requests of many users: mostly short chats, log-normal as in published logs, and a tenth of long prompts.</summary>
internal static class RequestMix
{
    private const double LongShare = 0.1;

    /// <summary>Prompt and answer lengths in tokens, before scaling; the same seed gives the same sizes.</summary>
    /// <param name="count">Requests.</param>
    /// <param name="longPrompt">Length of the long prompts.</param>
    /// <param name="seed">Seed.</param>
    public static (int Prompt, int Answer)[] Sizes(int count, int longPrompt, int seed)
    {
        var random = new Random(seed);
        var sizes = new (int, int)[count];
        for (var i = 0; i < count; i++)
        {
            // Drawn in any case, so that another length of long prompts leaves all else as it was.
            var (isLong, prompt, answer) = (random.NextDouble() < LongShare, LogNormal(random, 110, 0.8, 16, 512), LogNormal(random, 64, 0.6, 8, 192));
            sizes[i] = (isLong ? longPrompt : prompt, answer);
        }

        return sizes;
    }

    private static int LogNormal(Random random, double median, double sigma, int least, int most)
    {
        var normal = Math.Sqrt(-2 * Math.Log(1 - random.NextDouble())) * Math.Cos(2 * Math.PI * random.NextDouble());
        return Math.Clamp((int)(median * Math.Exp(sigma * normal)), least, most);
    }
}
