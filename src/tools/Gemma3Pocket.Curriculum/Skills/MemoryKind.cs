namespace Gemma3Pocket.Curriculum.Skills;

/// <summary>Something a user tells about himself; <c>{0}</c> is its value and <c>{1}</c> the animal, for a pet.</summary>
/// <param name="Told">Ways to tell it.</param>
/// <param name="Noted">The answer to that.</param>
/// <param name="Asked">Ways to ask it back.</param>
/// <param name="Answer">The answer to that.</param>
internal sealed record MemoryKind(string[] Told, string Noted, string[] Asked, string Answer);
