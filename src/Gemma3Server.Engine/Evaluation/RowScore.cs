namespace Gemma3Server.Engine.Evaluation;

/// <summary>What one row of logits says about the token that follows; nats.</summary>
/// <param name="LogLoss">-ln p(token).</param>
/// <param name="Divergence">KL(reference || model); 0 for the reference itself.</param>
/// <param name="Agrees">Whether the likeliest token is the reference's.</param>
internal readonly record struct RowScore(double LogLoss, double Divergence, bool Agrees);
