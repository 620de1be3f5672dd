namespace Gemma3Server.Engine.Evaluation;

/// <summary>The figures of an evaluation.</summary>
public sealed record EvaluationResult
{
    /// <summary>
    /// Documents from which they are the units of all standard errors. With fewer, an error over documents would itself be a guess, and
    /// tokens are the units; errors are then too small where tokens of one document depend on each other.
    /// </summary>
    public const int LeastDocumentsForErrors = 10;

    /// <summary>Number of scored tokens.</summary>
    public required int Tokens { get; init; }

    /// <summary>Number of documents with scored tokens.</summary>
    public required int Documents { get; init; }

    /// <summary>Whether standard errors are over documents, and not over tokens.</summary>
    public required bool ErrorsOverDocuments { get; init; }

    /// <summary>The reference's figures, if there is one.</summary>
    public ModelResult? Reference { get; init; }

    /// <summary>The models' figures, in their order.</summary>
    public required IReadOnlyList<ModelResult> Models { get; init; }

    /// <summary>
    /// With a reference and exactly two models: the share of the first model's loss of perplexity that the second does not have, 1 -
    /// (PPL(second) - PPL(reference)) / (PPL(first) - PPL(reference)). It has no standard error where the first model's loss does not stand
    /// out of the noise (two standard errors): linearization means nothing there, and the share is one of chance.
    /// </summary>
    public Estimate? LossRecovered { get; init; }

    /// <summary>Computes the figures from the scores.</summary>
    public static EvaluationResult Of(EvaluationScores scores)
    {
        ArgumentNullException.ThrowIfNull(scores);
        var overDocuments = scores.DocumentStarts.Count >= LeastDocumentsForErrors;
        var units = overDocuments ? scores.DocumentStarts : [.. Enumerable.Range(0, scores.TokenCount)];
        var reference = scores.Reference is null ? null : Perplexity(scores.Reference, units);
        TokenMean[] models = [.. scores.Models.Select(model => Perplexity(model, units))];
        return new()
        {
            Tokens = scores.TokenCount,
            Documents = scores.DocumentStarts.Count,
            ErrorsOverDocuments = overDocuments,
            Reference = reference is null ? null : Describe(scores.Reference!, reference, null, units),
            Models = [.. scores.Models.Zip(models, (model, perplexity) => Describe(model, perplexity, reference, units))],
            LossRecovered = reference is not null && models is [var first, var second] ? Recovered(reference, first, second) : null,
        };
    }

    /// <summary>PPL = exp(mean); its derivative by the mean is itself.</summary>
    private static TokenMean Perplexity(TokenScores scores, IReadOnlyList<int> units)
    {
        var loss = TokenMean.Of(scores.LogLoss.Length, i => scores.LogLoss[i], units);
        var perplexity = Math.Exp(loss.Value);
        return loss.Apply(perplexity, perplexity);
    }

    private static ModelResult Describe(TokenScores scores, TokenMean perplexity, TokenMean? reference, IReadOnlyList<int> units)
    {
        // ln PPL has the derivative 1 / PPL.
        var bits = perplexity.Apply(Math.Log2(perplexity.Value), 1 / (perplexity.Value * Math.Log(2)));
        var result = new ModelResult { Name = scores.Name, Perplexity = perplexity.Estimate, BitsPerToken = bits.Estimate };
        if (reference is null || scores is not { Divergence: { } divergence, Agrees: { } agrees }) return result;
        double[] sorted = [.. divergence.Order()];
        return result with
        {
            PerplexityChange = Change(perplexity, reference).Estimate,
            Divergence = TokenMean.Of(divergence.Length, i => divergence[i], units).Estimate,
            DivergenceP99 = sorted[(int)Math.Ceiling(0.99 * sorted.Length) - 1],
            DivergenceMax = sorted[^1],
            Agreement = TokenMean.Of(agrees.Length, i => agrees[i] ? 1 : 0, units).Estimate,
        };
    }

    private static TokenMean Change(TokenMean model, TokenMean reference) =>
        TokenMean.Combine(model.Value - reference.Value, (model, 1), (reference, -1));

    private static Estimate? Recovered(TokenMean reference, TokenMean first, TokenMean second)
    {
        var (lost, left) = (Change(first, reference).Estimate, second.Value - reference.Value);
        if (lost.Value == 0) return null;
        var share = left / lost.Value;
        if (lost.StandardError is not { } error || lost.Value <= 2 * error) return new(1 - share, null);
        return TokenMean.Combine(
            1 - share,
            (second, -1 / lost.Value),
            (first, share / lost.Value),
            (reference, (1 - share) / lost.Value)).Estimate;
    }
}
