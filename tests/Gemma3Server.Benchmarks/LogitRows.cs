namespace Gemma3Server.Benchmarks;

/// <summary>Rows of logits over Gemma's vocabulary, seeded.</summary>
internal static class LogitRows
{
    public const int Vocabulary = 262_144;

    /// <summary>
    /// As a trained model's: noise of standard deviation 2 and, above it, 200 tokens that fall off with their rank, as words do; the first of
    /// them has some 40 percent of the probability, and the noise less than one.
    /// </summary>
    public static float[] Peaked(int seed)
    {
        var random = new Random(seed);
        var row = Noise(random, 2f);
        for (var rank = 1; rank <= 200; rank++) row[random.Next(Vocabulary)] = 19f - (1.6f * MathF.Log(rank)) + (0.3f * Normal(random));
        return row;
    }

    /// <summary>As an untrained model's, or at the highest temperatures: noise of standard deviation 1, hundreds of thousands of tokens possible.</summary>
    public static float[] Flat(int seed) => Noise(new(seed), 1f);

    private static float[] Noise(Random random, float deviation)
    {
        var row = new float[Vocabulary];
        for (var i = 0; i < row.Length; i++) row[i] = deviation * Normal(random);
        return row;
    }

    private static float Normal(Random random) =>
        MathF.Sqrt(-2f * MathF.Log(1f - random.NextSingle())) * MathF.Cos(2f * MathF.PI * random.NextSingle());
}
