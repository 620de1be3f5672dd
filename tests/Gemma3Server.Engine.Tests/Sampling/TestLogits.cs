namespace Gemma3Server.Engine.Tests.Sampling;

/// <summary>Rows of logits.</summary>
internal static class TestLogits
{
    public static float[] Normal(Random random, int vocabulary, double spread) => [.. Enumerable.Range(0, vocabulary).Select(_ => One(random, spread))];

    /// <summary>A few dozen tokens far above the noise, as a trained model gives.</summary>
    public static float[] Peaked(Random random, int vocabulary)
    {
        var logits = Normal(random, vocabulary, 0.5);
        for (var rank = 1; rank <= 40; rank++) logits[random.Next(vocabulary)] = 20f - (2f * MathF.Log(rank)) + One(random, 0.2);
        return logits;
    }

    private static float One(Random random, double spread) =>
        (float)(spread * Math.Sqrt(-2 * Math.Log(1 - random.NextDouble())) * Math.Cos(Math.Tau * random.NextDouble()));
}
