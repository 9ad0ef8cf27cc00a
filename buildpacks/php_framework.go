package buildpacks

import "strings"

// phpFramework is what a framework adds to a plan.
type phpFramework struct {
	name       string
	why        string
	extensions []string // that it is usually run with, beyond what its packages require
	fallback   bool     // paths that are no file are answered by index.php, even without a .htaccess
	prepare    string   // at each start, when the environment is known
	prepareWhy string
	steps      []Step
	env        map[string]string
	warnings   []string
}

// phpFrameworks are tried in order: those built upon others come before them.
var phpFrameworks = []struct {
	name     string
	packages []string
	extend   func(a *phpApp, f *phpFramework)
}{
	{"laravel", []string{"laravel/framework"}, extendLaravel},
	{"lumen", []string{"laravel/lumen-framework"}, nil},
	{"symfony", []string{"symfony/framework-bundle", "symfony/symfony"}, extendSymfony},
	{"drupal", []string{"drupal/core-recommended", "drupal/core"}, extendDatabase("gd", "pdo_mysql", "pdo_pgsql")},
	{"wordpress", []string{"roots/wordpress", "johnpbloch/wordpress", "roots/wordpress-full", "roots/wordpress-no-content"}, extendWordPress},
	{"codeigniter", []string{"codeigniter4/framework", "codeigniter/framework"}, extendWritable("writable", "intl", "mysqli")},
	{"cakephp", []string{"cakephp/cakephp"}, extendDatabase("intl", "pdo_mysql", "pdo_pgsql")},
	{"craft", []string{"craftcms/cms"}, extendDatabase("bcmath", "gd", "intl", "pdo_mysql", "pdo_pgsql", "zip")},
	{"yii", []string{"yiisoft/yii2", "yiisoft/yii"}, extendDatabase("intl", "pdo_mysql", "pdo_pgsql")},
	{"slim", []string{"slim/slim"}, nil},
	{"mezzio", []string{"mezzio/mezzio"}, nil},
	{"laminas", []string{"laminas/laminas-mvc"}, nil},
	{"flight", []string{"mikecao/flight", "flightphp/core"}, nil},
	{"leaf", []string{"leafs/leaf"}, nil},
}

// framework is the first whose package the project requires, or a WordPress that is all in the source.
func (a *phpApp) framework() phpFramework {
	for _, known := range phpFrameworks {
		name := a.composer.firstOf(known.packages...)
		if name == "" {
			continue
		}
		f := phpFramework{name: known.name, why: name + " is in composer.json", fallback: true, env: map[string]string{}}
		if known.extend != nil {
			known.extend(a, &f)
		}
		return f
	}
	if a.first("wp-config.php", "wp-settings.php", "wp-load.php", "wp-config-sample.php") != "" {
		f := phpFramework{name: "wordpress", why: "there is a " + a.first("wp-config.php", "wp-settings.php", "wp-load.php", "wp-config-sample.php"),
			fallback: true, env: map[string]string{}}
		extendWordPress(a, &f)
		return f
	}
	return phpFramework{}
}

func extendDatabase(extensions ...string) func(*phpApp, *phpFramework) {
	return func(_ *phpApp, f *phpFramework) { f.extensions = extensions }
}

func extendWritable(folder string, extensions ...string) func(*phpApp, *phpFramework) {
	return func(_ *phpApp, f *phpFramework) {
		f.extensions = extensions
		f.env["CI_ENVIRONMENT"] = "production"
		f.steps = []Step{{Name: "make folders to write to", Command: "mkdir -p " + folder + "/cache " + folder + "/logs " + folder + "/session " + folder + "/uploads"}}
	}
}

// laravelFolders are where Laravel writes.
const laravelFolders = "storage/app/public storage/framework/cache/data storage/framework/sessions storage/framework/views storage/logs bootstrap/cache"

// extendLaravel caches configuration, routes and views at the start, since they hold the environment
// (https://laravel.com/docs/deployment#optimization); logs go to the output.
func extendLaravel(a *phpApp, f *phpFramework) {
	f.extensions = []string{"bcmath", "pcntl", "pdo_mysql", "pdo_pgsql"}
	f.env = map[string]string{"APP_ENV": "production", "APP_DEBUG": "false", "LOG_CHANNEL": "stderr"}
	f.steps = []Step{{Name: "make folders to write to", Command: "mkdir -p " + laravelFolders + "\nln -sfn ../storage/app/public public/storage"}}
	f.prepare, f.prepareWhy = "php artisan optimize", "the caches hold the environment, which is known when a spherelet starts"
	f.warnings = append(f.warnings, "Laravel needs APP_KEY: set it as a secret of the service (`php artisan key:generate --show` makes one)")
	if !a.procfile.releases() {
		f.warnings = append(f.warnings, "migrations are not run: add `release: php artisan migrate --force` to a Procfile to run them before each rollout")
	}
	if strings.Contains(a.text(".env.example"), "DB_CONNECTION=sqlite") {
		f.warnings = append(f.warnings, "SQLite keeps its data inside of the spherelet: it is gone with the next deployment; set DB_CONNECTION and DB_URL for a database that stays")
	}
}

// extendSymfony warms the cache, which Symfony's own scripts do where the project has them
// (https://symfony.com/doc/current/deployment.html).
func extendSymfony(a *phpApp, f *phpFramework) {
	f.env = map[string]string{"APP_ENV": "prod", "APP_DEBUG": "0"}
	if a.composer.firstOf("doctrine/doctrine-bundle", "symfony/orm-pack", "doctrine/orm") != "" {
		f.extensions = []string{"pdo_mysql", "pdo_pgsql"}
	}
	if a.composer.firstOf("doctrine/doctrine-migrations-bundle", "symfony/orm-pack") != "" && !a.procfile.releases() {
		f.warnings = append(f.warnings, "migrations are not run: add `release: php bin/console doctrine:migrations:migrate -n` to a Procfile to run them before each rollout")
	}
	commands := []string{}
	if a.composer.requires("symfonycasts/tailwind-bundle") {
		commands = append(commands, "php bin/console tailwind:build --minify")
	}
	if a.composer.requires("symfony/asset-mapper") {
		commands = append(commands, "php bin/console asset-map:compile")
	}
	commands = append(commands, "php bin/console cache:warmup")
	f.steps = []Step{{Name: "warm the cache", Command: strings.Join(commands, "\n")}}
	f.warnings = append(f.warnings, "Symfony needs APP_SECRET, and DATABASE_URL where it has a database: set them for the service")
}

// extendWordPress adds what its hosting handbook asks for (https://make.wordpress.org/hosting/handbook/server-environment/).
func extendWordPress(a *phpApp, f *phpFramework) {
	if a.isFile("config/application.php") { // Bedrock, which keeps search engines out elsewhere (https://roots.io/bedrock/docs/deployment/)
		f.env["WP_ENV"] = "production"
	}
	f.extensions = []string{"exif", "gd", "intl", "mysqli", "zip"}
	f.warnings = append(f.warnings, "uploads and plugins that are installed while it runs stay inside of the spherelet: they are gone with the next deployment; keep uploads in object storage, and plugins in the source")
}
