namespace Gemma3Server.Engine.Evaluation;

/// <summary>What one model made of every scored token, in the order of the documents whatever order they ran in.</summary>
public sealed class TokenScores
{
    internal TokenScores(string name, int count, bool compared)
    {
        Name = name;
        LogLoss = new double[count];
        Divergence = compared ? new double[count] : null;
        Agrees = compared ? new bool[count] : null;
    }

    /// <summary>The model's name in results.</summary>
    public string Name { get; }

    /// <summary>Negative log-likelihood of each token, in nats: -ln p(token | tokens before it).</summary>
    public double[] LogLoss { get; }

    /// <summary>Kullback-Leibler divergence KL(reference || model) at each token, in nats; <see langword="null"/> without a reference.</summary>
    public double[]? Divergence { get; }

    /// <summary>Whether the likeliest token is the reference's; <see langword="null"/> without a reference.</summary>
    public bool[]? Agrees { get; }
}
