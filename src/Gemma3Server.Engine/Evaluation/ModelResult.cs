namespace Gemma3Server.Engine.Evaluation;

/// <summary>What an evaluation says about one model.</summary>
public sealed record ModelResult
{
    /// <summary>The model's name.</summary>
    public required string Name { get; init; }

    /// <summary>exp of the mean negative log-likelihood of the scored tokens.</summary>
    public required Estimate Perplexity { get; init; }

    /// <summary>The mean negative log-likelihood in bits.</summary>
    public required Estimate BitsPerToken { get; init; }

    /// <summary>Perplexity minus the reference's; its error is paired, since both read the same tokens.</summary>
    public Estimate? PerplexityChange { get; init; }

    /// <summary>Mean KL(reference || model) in nats.</summary>
    public Estimate? Divergence { get; init; }

    /// <summary>The divergence that 99 % of the tokens do not exceed.</summary>
    public double? DivergenceP99 { get; init; }

    /// <summary>The largest divergence.</summary>
    public double? DivergenceMax { get; init; }

    /// <summary>Share of tokens, 0 to 1, at which the likeliest token is the reference's.</summary>
    public Estimate? Agreement { get; init; }
}
