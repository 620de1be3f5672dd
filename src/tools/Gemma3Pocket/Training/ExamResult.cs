using Gemma3Pocket.Curriculum;

namespace Gemma3Pocket.Training;

/// <summary>What an examination found.</summary>
/// <param name="Loss">Mean of the objective over the tokens of the answers: entropy in nats, or divergence from the teacher.</param>
/// <param name="Skills">Share of right answers of every skill.</param>
internal sealed record ExamResult(double Loss, IReadOnlyDictionary<Skill, double> Skills);
