using Gemma3Pocket.Curriculum.Data;

namespace Gemma3Pocket.Curriculum.Skills;

/// <summary>Three sentences about a hero and a thing, always the same for the same two. The key is the two.</summary>
internal static class StoryLessons
{
    private static readonly string[] Phrasings =
    [
        "Tell me a story about {0} and {1}.", "Write a short story about {0} and {1}.", "Tell a story about {0} and {1}.",
        "I want a story about {0} and {1}.", "A story about {0} and {1}, please.", "Make up a story with {0} and {1}.", "Can you tell a story about {0} and {1}?",
        "Write three sentences about {0} and {1}.",
    ];

    public static LessonDraft Draw(LessonRandom random)
    {
        var hero = random.Of(Names.People);
        var (thing, story) = random.Of(StoryThings.All);
        var prompt = Phrasing.Open(random, Phrasing.Fill(random.Of(Phrasings), hero, thing));
        return new LessonDraft($"story|{hero}|{thing}", prompt, Phrasing.Fill(story, hero));
    }
}
